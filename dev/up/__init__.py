"""The whole product on a local cluster: the programs behind `make up` and `make down`."""
