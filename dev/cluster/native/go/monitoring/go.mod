// The definitions of ServiceMonitor and PrometheusRule: nothing is built, the folder
// example/prometheus-operator-crd of the module is read.
module vertice.dev/cluster/monitoring

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
