module reanchor.test/bench-server

go 1.26.0
