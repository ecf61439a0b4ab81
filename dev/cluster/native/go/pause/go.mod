// The process that holds the namespaces of a pod while its containers come and go.
module vertice.dev/cluster/pause

go 1.26.0
