"""The A/B service of the reference text-message system: its methods, codes and fields, over our engine and book.

Where the reference's rules are wrong they are not followed: `docs/how-to/keep-your-ab-tests.md` says where.
"""

from regulars.compat.ab_tests.ab_testing import ABTestingService
from regulars.compat.ab_tests.repository import ABTestRepository

__all__ = ["ABTestRepository", "ABTestingService"]
