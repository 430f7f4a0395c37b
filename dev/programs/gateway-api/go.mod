// Only the folder of CRDs of this module is used. `go mod tidy` would drop the requirement, because
// no package is imported: after a change of version run `go mod download sigs.k8s.io/gateway-api`.
module gander.dev/programs/gateway-api

go 1.26

require sigs.k8s.io/gateway-api v1.6.0
