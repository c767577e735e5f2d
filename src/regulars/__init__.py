"""Regulars: customers, segments, experiments and campaigns for businesses that know their customers by name."""
