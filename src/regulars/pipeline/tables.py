"""What tables of the lake are called that one module writes and others read."""

INTERACTIONS, CONNECTIONS, COMPANIONS, COMMUNITIES = "interactions", "connections", "companions", "communities"
TALLIES = "tallies"
HOUSEHOLD_MEMBERS = "household_members"
