"""The door's own store: arrivals written durably before they are acknowledged, known by their ids for ever."""
