"""Which variant a unit gets, decided without a network: hashes, targeting conditions and feature rules."""

from regulars.flags.bucket import bucket, bucketed, position, positions
from regulars.flags.context import Context, Exposure, Result
from regulars.flags.feature import Definitions, Evaluation
from regulars.flags.local import Flags, FlagValue
from regulars.flags.payload import payload_of, read_payload

__all__ = [
    "Context", "Definitions", "Evaluation", "Exposure", "FlagValue", "Flags", "Result", "bucket", "bucketed",
    "payload_of", "position", "positions", "read_payload",
]
