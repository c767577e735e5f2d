"""A shop says what it means, or says on which line it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.check import Finding
from regulars.errors import DeclarationError
from regulars.project import Project, check_project
from regulars.project.shops import read_shops
from regulars.shops.named import gid, host_of, shopify_domain, tail
from regulars.shops.shop import Shops

SHOP = """\
domain: Summit-Gear.myshopify.com
domains: [gear.summit.example]
source: site
experiments:
  - {experiment: gallery, product: 7809670938693, slot: 60 minutes}
"""
GALLERY = "unit: shop_slot\nvariants: {base: 50, test: 50}\nprimary: carts\nruns: 2026-02-02 to 2026-02-15\n"


def business(folder: Path, **files: str) -> Path:
    for place, text in {
        "regulars.toml": '[business]\nname = "Shop"\ntimezone = "America/Chicago"\n', "sources/site.yaml": "kind: door\n",
        "sources/sent.yaml": "kind: messages\n", "shops/gear.yaml": SHOP, "experiments/gallery.yaml": GALLERY,
        "metrics/carts.yaml": "title: Carts\ndescription: Products put into carts.\ncount: product_added\n",
        **{name.replace("__", "/") + ".yaml": text for name, text in files.items()},
    }.items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def problems(folder: Path) -> list[Finding]:
    return [one for one in check_project(Project.read(folder, environment={})) if one.status == "failed"]


def test_a_shop_has_the_business_s_zone_and_money_unless_it_says_otherwise(tmp_path: Path) -> None:
    [shop] = Project.load(business(tmp_path), environment={}).shops

    assert (shop.name, shop.domain, shop.timezone, shop.currency) == (
        "gear", "summit-gear.myshopify.com", "America/Chicago", "USD"
    )
    assert shop.experiments[0].product == "gid://shopify/Product/7809670938693"


def test_what_its_pixel_tells_are_events_that_rules_and_metrics_may_name(tmp_path: Path) -> None:
    project = Project.load(business(
        tmp_path, segments__looker="title: Lookers\ndescription: They look.\n"
                                   "when: {count: product_viewed, within: 7 days, at_least: 2, where: {shop_id: gear}}\n",
    ), environment={})

    assert {each.event for each in project.events} == {"product_viewed", "product_added", "order_line"}


def test_a_project_without_shops_has_no_events_of_pixels(tmp_path: Path) -> None:
    folder = business(tmp_path)
    for name in ("shops/gear.yaml", "metrics/carts.yaml", "experiments/gallery.yaml"):
        (folder / name).unlink()

    project = Project.load(folder, environment={})

    assert project.events == ()
    assert "shop_id" not in [field.name for field in project.streams["site.events"].fields]


WRONG = [
    ({"shops__gear": "source: site\n"}, "shops/gear.yaml:1", "a shop needs its `domain`"),
    ({"shops__gear": SHOP.replace("Summit-Gear.myshopify.com", "malicious.example.com")}, "shops/gear.yaml:1", "no domain at Shopify"),
    ({"shops__gear": SHOP.replace("source: site\n", "")}, "shops/gear.yaml:1", "where its pixel posts"),
    ({"shops__gear": SHOP.replace("site", "sight")}, "shops/gear.yaml:3", "no source 'sight'"),
    ({"shops__gear": SHOP.replace("source: site", "source: sent")}, "shops/gear.yaml:3", "'sent' takes no messages"),
    ({"shops__gear": SHOP.replace("gallery,", "galery,")}, "shops/gear.yaml:5", "no experiment 'galery'"),
    ({"shops__gear": SHOP.replace("7809670938693", "boots")}, "shops/gear.yaml:5", "'boots' is no product"),
    ({"shops__gear": SHOP.replace("60 minutes", "5 minutes")}, "shops/gear.yaml:5", "a slot of 5 minutes"),
    ({"shops__gear": f"{SHOP}timezone: Mars/Olympus\n"}, "shops/gear.yaml:6", "no time zone"),
    ({"shops__gear": f"{SHOP}needs_keys: true\n"}, "shops/gear.yaml:6", "means nothing here"),
    ({"shops__gear": f"{SHOP}  - {{experiment: gallery, product: 1, slot: 1 hour}}\n"}, "shops/gear.yaml:6", "on a product already"),
    ({"shops__other": SHOP.partition("domains")[0] + "source: site\n"}, "shops/other.yaml:1", "is the shop 'gear' already"),
    ({"experiments__gallery": GALLERY.replace("shop_slot", "visitor")}, "shops/gear.yaml:5", "everybody in a slot"),
    ({"experiments__gallery": GALLERY.replace("{base: 50, test: 50}", "{base: 20, test: 80}")}, "shops/gear.yaml:5", "equal weight"),
    ({"sources__site": "kind: door\nfields: {shop_id: {from: properties.shop, type: integer}}\n"}, "shops/gear.yaml:3", "'shop_id' otherwise"),
    ({"events__sale": "from: site.events\nwho: user_id\nwhen: at\nwhat: {revenue: user_id}\n"}, "shops/gear.yaml:3", "'revenue' is"),
]


@pytest.mark.parametrize(("files", "where", "says"), WRONG, ids=[says for _, _, says in WRONG])
def test_what_a_shop_cannot_mean_is_told_with_its_line(files: dict[str, str], where: str, says: str, tmp_path: Path) -> None:
    found = problems(business(tmp_path, **files))

    assert [one.where for one in found if says in one.message] == [where], found


def test_two_experiments_on_one_product_come_one_after_the_other(tmp_path: Path) -> None:
    again = SHOP + "  - {experiment: second, product: 7809670938693, slot: 1 hour}\n"
    after = GALLERY.replace("2026-02-02 to 2026-02-15", "2026-02-16 to 2026-02-20")

    at_once = problems(business(tmp_path / "a", shops__gear=again, experiments__second=GALLERY))
    in_turn = problems(business(tmp_path / "b", shops__gear=again, experiments__second=after))

    assert ["on the same days" in one.message for one in at_once] == [True]
    assert in_turn == []


def test_a_door_reads_shops_alone_and_refuses_to_open_with_a_wrong_one(tmp_path: Path) -> None:
    folder = business(tmp_path, sources__site="kind: nothing\n")
    config = Project.read(folder, environment={}).config
    shops = read_shops(folder, business=config.business)
    (folder / "shops" / "gear.yaml").write_text("domain: 7\n")

    with pytest.raises(DeclarationError, match=r"shops/gear\.yaml:1"):
        read_shops(folder, business=config.business)
    assert [shop.name for shop in shops.every] == ["gear"]


@pytest.mark.parametrize(("said", "domain"), [
    ("https://example-shop.myshopify.com/admin", "example-shop.myshopify.com"), ("coolstore", "coolstore.myshopify.com"),
    ("malicious.example.com", None), ("My-Shop.MyShopify.com", "my-shop.myshopify.com"), ("a.b.myshopify.com", None),
    ("evil.com/x.myshopify.com", None), ("", None), ("  ", None), (None, None), ("myshopify.com", None),
])
def test_a_domain_at_shopify_is_found_in_what_people_write(said: object, domain: str | None) -> None:
    assert shopify_domain(said) == domain


@pytest.mark.parametrize("said", ["gear", " GEAR ", "Summit-Gear.MyShopify.com", "https://gear.summit.example/products/x"])
def test_a_shop_is_known_by_its_id_and_by_each_of_its_domains(said: str, tmp_path: Path) -> None:
    shops = Shops(every=Project.load(business(tmp_path), environment={}).shops)

    assert shops.called(said) is shops.every[0]


@pytest.mark.parametrize("said", ["", "  ", None, "unknown", "other.myshopify.com", 7])
def test_what_names_no_shop_finds_none(said: object, tmp_path: Path) -> None:
    assert Shops(every=Project.load(business(tmp_path), environment={}).shops).called(said) is None


def test_ids_come_as_numbers_or_gids_and_are_kept_as_gids() -> None:
    whole = "gid://shopify/Product/7809670938693"

    assert [gid(said, "Product") for said in (7809670938693, "7809670938693", f" {whole} ")] == [whole] * 3
    assert [gid(said, "Product") for said in ("boots", "", None, True, -1, 1.5, "gid://shopify/ProductVariant/1")] == [None] * 7
    assert (tail(whole), tail("prod456"), tail("a/b")) == ("7809670938693", "prod456", "a/b")


def test_a_host_is_what_a_url_says() -> None:
    assert host_of("https://Gear.Summit.example:443/a?b") == "gear.summit.example"
    assert [host_of(said) for said in ("a b", "-a.example", "x" * 300, 7)] == [None] * 4
