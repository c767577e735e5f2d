"""Everything that truly happens in the invented gym, in order, before anybody writes it down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from regulars.testing.gym.business_time import DAY
from regulars.testing.gym.contacts import Contacts, guardians_first, reach
from regulars.testing.gym.desk_sales import TWIN_PRICE, DeskSales, sell_at_desk
from regulars.testing.gym.givebacks import Givebacks, give_back_at_desk, give_back_online
from regulars.testing.gym.memberships import Memberships, enrol
from regulars.testing.gym.online_sales import OnlineSales, sell_online
from regulars.testing.gym.people import People, populate
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.trial import Trial, run_trial
from regulars.testing.gym.visits import Visits, visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """Everything that truly happened, before anybody wrote it down."""

    setting: Setting
    people: People
    contacts: Contacts
    trial: Trial
    contracts: Memberships
    visits: Visits
    online: OnlineSales
    refunds: Givebacks
    disputes: Givebacks
    desk: DeskSales
    returns: Givebacks


def happen(setting: Setting) -> Happenings:
    """Return what happens in a world of that setting."""
    people = populate(setting)
    contacts = reach(setting, people)
    trial = run_trial(setting, people, contacts)
    contracts = enrol(setting, people, contacts, trial)
    contacts = _opened_before_joining(people, contacts, contracts)
    visits = visit(setting, people, contacts, contracts, trial)
    online = sell_online(setting, people, contacts, contracts)
    refunds, disputes = give_back_online(setting, online)
    paid = setting.sized(23_000, at_least=60) - int(online.is_paid.sum())
    twins = refunds.at[online.net[refunds.sale] == TWIN_PRICE] - DAY
    desk = sell_at_desk(setting, people, contacts, visits, paid=paid, twins=twins)
    return Happenings(
        setting=setting, people=people, contacts=contacts, trial=trial, contracts=contracts, visits=visits,
        online=online, refunds=refunds, disputes=disputes, desk=desk, returns=give_back_at_desk(setting, desk),
    )


def _opened_before_joining(people: People, contacts: Contacts, contracts: Memberships) -> Contacts:
    """Whoever is on a contract had an account when it was sold."""
    created = contacts.created_day.copy()
    np.minimum.at(created, contracts.roster_person, contracts.known[contracts.roster_contract])
    np.minimum.at(created, contracts.owner, contracts.known)
    return replace(contacts, created_day=guardians_first(people, created))
