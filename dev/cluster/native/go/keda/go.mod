// The definition of ScaledObject: nothing is built, the folder config/crd/bases of the module is
// read.
module vertice.dev/cluster/keda

go 1.26.0

require github.com/kedacore/keda/v2 v2.21.0
