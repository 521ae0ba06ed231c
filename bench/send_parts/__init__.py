"""The parts of `bench/send.py`, one module each with a `main()`."""
