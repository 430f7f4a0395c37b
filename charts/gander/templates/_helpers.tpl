{{- define "gander.selector" -}}
app.kubernetes.io/name: gander
app.kubernetes.io/component: controller
{{- end }}

{{- define "gander.labels" -}}
{{ include "gander.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "gander.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* What the controller and the Job that ends its work have in common. */}}
{{- define "gander.pod" -}}
# The Service's own variables would look like settings of ours.
enableServiceLinks: false
serviceAccountName: gander
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gander.container" -}}
image: {{ include "gander.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
env:
- name: GANDER_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: GANDER_POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: GANDER_LOG_LEVEL
  value: {{ .Values.log.level | quote }}
- name: GANDER_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- with .Values.watchNamespace }}
- name: GANDER_WATCH_NAMESPACE
  value: {{ . | quote }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}
