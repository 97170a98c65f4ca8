module davit/tests/fakes/cloud

go 1.19
