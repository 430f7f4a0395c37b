"""Objects as a real API server (1.36.3) sent them, shortened only by fields that nobody reads."""

import json
from typing import Any

_POD_SPEC = {
    "containers": [
        {"image": "localhost/pause:1", "imagePullPolicy": "IfNotPresent", "name": "app"}
    ],
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}


def sent(item: dict[str, Any]) -> bytes:
    """Return the bytes that travel."""
    return json.dumps(item, separators=(",", ":")).encode()


PAUSED_DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"apiVersion":"apps/v1"}\n',
            "team": "payments",
        },
        "creationTimestamp": "2026-11-21T13:13:52Z",
        "generation": 1,
        "labels": {"app": "held"},
        "managedFields": [
            {
                "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:status": {"f:observedGeneration": {}}},
                "manager": "kube-controller-manager",
                "operation": "Update",
                "subresource": "status",
                "time": "2026-11-21T13:13:52Z",
            },
            {
                "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                    "f:spec": {"f:paused": {}, "f:replicas": {}, "f:selector": {}},
                },
                "manager": "kubectl-client-side-apply",
                "operation": "Update",
                "time": "2026-11-21T13:13:52Z",
            },
        ],
        "name": "held",
        "namespace": "kube-rec",
        "resourceVersion": "31429",
        "uid": "4562dc4f-c58d-4a01-9f46-ee6951f1cc5a",
    },
    "spec": {
        "paused": True,
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "held"}},
        "strategy": {
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
            "type": "RollingUpdate",
        },
        "template": {"metadata": {"labels": {"app": "held"}}, "spec": _POD_SPEC},
    },
    "status": {
        "conditions": [
            {
                "lastTransitionTime": "2026-11-21T13:13:52Z",
                "lastUpdateTime": "2026-11-21T13:13:52Z",
                "message": "Deployment is paused",
                "reason": "DeploymentPaused",
                "status": "Unknown",
                "type": "Progressing",
            }
        ],
        "observedGeneration": 1,
        "terminatingReplicas": 0,
    },
}

REPLICA_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "creationTimestamp": "2026-11-21T12:34:32Z",
        "generation": 1,
        "labels": {"app": "web", "pod-template-hash": "c89d99fb9"},
        "name": "web-c89d99fb9",
        "namespace": "kube-rec",
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "blockOwnerDeletion": True,
                "controller": True,
                "kind": "Deployment",
                "name": "web",
                "uid": "33acc01b-f674-44bb-a515-3ea48da68af6",
            }
        ],
        "resourceVersion": "652",
        "uid": "d45a8153-ab78-42ee-8a63-7f4b31f366ee",
    },
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web", "pod-template-hash": "c89d99fb9"}},
        "template": {
            "metadata": {"labels": {"app": "web", "pod-template-hash": "c89d99fb9"}},
            "spec": _POD_SPEC,
        },
    },
    "status": {
        "availableReplicas": 2,
        "fullyLabeledReplicas": 2,
        "observedGeneration": 1,
        "readyReplicas": 2,
        "replicas": 2,
        "terminatingReplicas": 0,
    },
}

_META = {
    "creationTimestamp": "2026-11-21T12:34:32Z",
    "generation": 1,
    "namespace": "kube-rec",
    "resourceVersion": "682",
    "uid": "8a5d81cf-d69a-407d-80c4-80b8579250a5",
}
_NO_SUCH_FILE = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    'runc create failed: unable to start container process: exec: "/nope": stat /nope: '
    "no such file or directory"
)
_IMAGE_ID = "sha256:0cc19ed1f3556697e5a1ae9e50dbcfb29505dc68a02b4344c94089192301061b"

READY_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {**_META, "generateName": "web-6865786ff7-", "name": "web-6865786ff7-bk9jb"},
    "spec": {**_POD_SPEC, "nodeName": "node1"},
    "status": {
        "conditions": [
            {
                "lastProbeTime": None,
                "lastTransitionTime": "2026-11-21T13:13:53Z",
                "observedGeneration": 1,
                "status": "True",
                "type": "Ready",
            }
        ],
        "containerStatuses": [
            {
                "containerID": "containerd://6bd086e4c4b0d21a94df8565d32442e9f0b57bb232d813a4",
                "image": "localhost/pause:1",
                "imageID": _IMAGE_ID,
                "lastState": {},
                "name": "app",
                "ready": True,
                "resources": {},
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": "2026-11-21T13:13:53Z"}},
            }
        ],
        "hostIP": "192.0.2.1",
        "phase": "Running",
        "podIP": "198.18.0.165",
        "podIPs": [{"ip": "198.18.0.165"}],
        "qosClass": "BestEffort",
        "startTime": "2026-11-21T13:13:52Z",
    },
}

CRASHING_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {**_META, "name": "crash"},
    "spec": {**_POD_SPEC, "nodeName": "node1"},
    "status": {
        "conditions": [
            {
                "lastProbeTime": None,
                "lastTransitionTime": "2026-11-21T12:34:32Z",
                "message": "containers with unready status: [app]",
                "observedGeneration": 1,
                "reason": "ContainersNotReady",
                "status": "False",
                "type": "Ready",
            }
        ],
        "containerStatuses": [
            {
                "image": "localhost/pause:1",
                "imageID": _IMAGE_ID,
                "lastState": {
                    "terminated": {
                        "exitCode": 128,
                        "finishedAt": "2026-11-21T12:34:46Z",
                        "message": _NO_SUCH_FILE,
                        "reason": "StartError",
                        "startedAt": "1970-01-01T00:00:00Z",
                    }
                },
                "name": "app",
                "ready": False,
                "restartCount": 2,
                "started": False,
                "state": {"waiting": {"message": _NO_SUCH_FILE, "reason": "RunContainerError"}},
            }
        ],
        "phase": "Running",
        "startTime": "2026-11-21T12:34:32Z",
    },
}

UNPULLED_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {**_META, "name": "nopull"},
    "spec": {**_POD_SPEC, "nodeName": "node1"},
    "status": {
        "containerStatuses": [
            {
                "image": "192.0.2.1:5000/none:1",
                "imageID": "",
                "lastState": {},
                "name": "app",
                "ready": False,
                "restartCount": 0,
                "started": False,
                "state": {"waiting": {"reason": "PodInitializing"}},
            }
        ],
        "initContainerStatuses": [
            {
                "image": "192.0.2.1:5000/none:1",
                "imageID": "",
                "lastState": {},
                "name": "init",
                "ready": False,
                "restartCount": 0,
                "started": False,
                "state": {
                    "waiting": {
                        "message": "rpc error: code = NotFound desc = failed to pull and unpack "
                        'image "192.0.2.1:5000/none:1": not found',
                        "reason": "ErrImagePull",
                    }
                },
            }
        ],
        "phase": "Pending",
        "startTime": "2026-11-21T12:34:32Z",
    },
}

UNSCHEDULABLE_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {**_META, "name": "big"},
    "spec": _POD_SPEC,
    "status": {
        "conditions": [
            {
                "lastProbeTime": None,
                "lastTransitionTime": "2026-11-21T12:34:32Z",
                "message": "0/1 nodes are available: 1 Insufficient memory.",
                "observedGeneration": 1,
                "reason": "Unschedulable",
                "status": "False",
                "type": "PodScheduled",
            }
        ],
        "phase": "Pending",
        "qosClass": "Burstable",
    },
}

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "creationTimestamp": "2026-11-21T12:34:32Z",
        "name": "web",
        "namespace": "kube-rec",
        "resourceVersion": "600",
        "uid": "dacf0e1b-3103-4948-bac4-3e5ba4dccbb3",
    },
    "spec": {
        "clusterIP": "198.19.204.167",
        "clusterIPs": ["198.19.204.167"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ports": [
            {
                "appProtocol": "http",
                "name": "http",
                "port": 80,
                "protocol": "TCP",
                "targetPort": "http",
            }
        ],
        "selector": {"app": "web"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    },
    "status": {"loadBalancer": {}},
}
