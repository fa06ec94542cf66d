"""The test lab of fleetsync: real hosts on one machine, each with its own clock. See ../README.md."""
