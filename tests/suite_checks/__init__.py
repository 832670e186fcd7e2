"""What holds for every test of this repository, checked while they run; `conftest.py` at the root loads them all."""
