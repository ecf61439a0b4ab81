// The definition of ExternalSecret: nothing is built, the folder config/crds/bases of the module
// is read.
module vertice.dev/cluster/external-secrets

go 1.26.0

require github.com/external-secrets/external-secrets v1.3.2
