"""The example world: an invented gym with known truth, at any size, the same from the same seed."""

from regulars.testing.gym.bad_input import Planted, plant_bad_input
from regulars.testing.gym.drops import drops
from regulars.testing.gym.setting import World
from regulars.testing.gym.world import generate

__all__ = ["Planted", "World", "drops", "generate", "plant_bad_input"]
