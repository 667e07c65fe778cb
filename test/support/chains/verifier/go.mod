module reanchor.test/verifier

go 1.26.0
