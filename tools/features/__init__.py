"""Small programs, each about one feature of exported programs. Every file adds its own to `CASES`."""

from cases import Registry, WithBuffers, program
from corpus import Bad, Call, Program

CASES = Registry()
case = CASES.case

__all__ = ["CASES", "Bad", "Call", "Program", "WithBuffers", "case", "program"]
