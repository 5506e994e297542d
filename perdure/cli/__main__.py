"""`python -m perdure.cli`: the same as the console script, where that is not on the path."""

from perdure.cli.main import main

main()
