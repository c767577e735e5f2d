"""The words of the invented gym: names, plans, products, campaigns. None belongs to a real person or business."""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BUSINESS = "Summit Climbing"
LOCATION_ID = "LSUMMITWACO01"
CAPITAN_LOCATION = {"id": 17, "name": BUSINESS}
DESK_PHONE = "+12545550100"
DESK_EMAIL = "desk@summitclimbing.example"
PLACEHOLDER_EMAILS = ("none@none.com", "noemail@noemail.com", DESK_EMAIL)
PLACEHOLDER_PHONES = ("0000000000", DESK_PHONE)
TAX_PERMYRIAD = 825

FIRST_NAMES = _words(
    "Ann Ben Cara Dan Ella Finn Grace Hugo Iris Jack Kate Leo Mia Noah Olive Paul Quinn Ruth Sam Tess Uma Vera "
    "Walt Xena Yara Zoe Adam Beth Carl Dora Evan Faye Glen Hope Ivan Jane Kurt Lily Mark Nina Otto Pia Rosa Seth "
    "Tara Ugo Vito Wren Abel Bria Cole Dean Edie Ford Gwen Hank Inez Joel Kira Liam Mona Neil Opal Pete Rhea Saul "
    "Toby Vida José Zoë René André Chloë Noël Anaïs Jörg Søren Mary-Kate Jean-Luc Anna-Lena Aiden Blake Casey "
    "Drew Emery Flynn Gray Harper Indy Jules Kai Lane Micah Nico Oakley Parker Reese Sage Tatum Winter"
)
LAST_NAMES = _words(
    "Lee Moss Hart Boone Crane Doyle Ellis Frost Greer Hale Ibarra Joyce Kemp Lowe Marsh Nash Oakes Pratt Quill "
    "Rowe Shaw Thorne Upton Vance Wells Yates Zane Abbott Barlow Castle Dalton Eaton Farrow Gentry Holt Irwin "
    "Judd Keller Lennox Merrill Norris Odell Pruitt Rhodes Sutton Tully Usher Vickers Weaver Young Zeller Adair "
    "Beasley Conway Draper Easton Fallon Garner Hobbs Ivers Jarvis Kirby Lomax Mercer Newell Orton Paxton Ramsey "
    "Sadler Tatum Underhill Varner Whitley Yancey Zimmer Núñez García Peña Müller Björk Lefèvre O'Neal O'Hara "
    "D'Arcy Smith-Jones Reyes-Cruz Ashby Briar Coley Denton Elmore Fenton Gable Hadley Ingram Jessup Kittle Lundy "
    "Maddox Nolan Osborn Pettit Rigby Stroud Tanner Urban Vaughn Wilder Yost"
)
EMAIL_DOMAINS = ("gmail.com", "mail.example", "post.example", "campus.example", "work.example")
EMAIL_DOMAIN_WEIGHTS = (45, 20, 15, 10, 10)
AREA_CODES = tuple(map(int, _words(
    "254 512 737 817 972 214 469 210 726 281 713 832 346 361 325 409 430 432 682 806 830 903 915 936 940 956 979 "
    "205 251 256 334 480 520 602 623 928 479 501 870 303 719 720 970 203 860 302 305 321 352 386 407 561 727 754 "
    "772 813 850 863 904 941 954 229 404 478 678 706 770 912 208 217 309 312 618 630 708 773 815 847 219 260 317 "
    "574 765 812 319 515 563 641 712 316 620 785 913 270 502 606 859 225 318 337 504 985 207 240 301 410 443 413 "
    "508 617 774 781 231 248 269 313 517 586 616 734 810 906 989 218 320 507 612 651"
)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A kind of membership: what Capitan calls `membership_id`, which is not the id of anyone's membership."""

    type_id: int
    name: str
    interval: str
    amount: int                    # minor units per billing period, before tax
    months: int                    # of one billing period; 0: fortnights
    size: str = "solo"             # solo, duo, family, youth (a parent owns it, the child is on it), staff
    weight: int = 1
    fixed_periods: int = 0         # prepaid: it ends after so many; 0: it renews


PLANS = (
    Plan(type_id=71, name="Solo Monthly", interval="MON", amount=8500, months=1, weight=230),
    Plan(type_id=72, name="Solo Weekly", interval="BWK", amount=4200, months=0, weight=130),
    Plan(type_id=73, name="Founders Solo", interval="MON", amount=7500, months=1, weight=60),
    Plan(type_id=74, name="College Solo", interval="MON", amount=6500, months=1, weight=120),
    Plan(type_id=75, name="Corporate Solo - Lakeside Bank", interval="MON", amount=7000, months=1, weight=25),
    Plan(type_id=76, name="Mid-day Solo", interval="BWK", amount=2900, months=0, weight=40),
    Plan(type_id=77, name="Fitness Only", interval="MON", amount=5500, months=1, weight=30),
    Plan(type_id=78, name="Solo Monthly with Fitness Add-on", interval="MON", amount=11300, months=1, weight=30),
    Plan(type_id=79, name="Family Monthly", interval="MON", amount=17900, months=1, size="family", weight=110),
    Plan(type_id=80, name="Duo Monthly", interval="MON", amount=14500, months=1, size="duo", weight=70),
    Plan(type_id=81, name="Youth Rec Team Dues", interval="MON", amount=14900, months=1, size="youth", weight=60),
    Plan(type_id=82, name="Youth Comp Team Dues", interval="MON", amount=17900, months=1, size="youth", weight=30),
    Plan(type_id=83, name="Staff", interval="MON", amount=0, months=1, size="staff", weight=20),
    Plan(type_id=84, name="3 Month Solo", interval="3MO", amount=24000, months=3, weight=50, fixed_periods=1),
    Plan(type_id=85, name="6 Month Solo", interval="6MO", amount=45000, months=6, weight=20, fixed_periods=1),
    Plan(type_id=86, name="12 Month Solo", interval="12MO", amount=84000, months=12, weight=15, fixed_periods=1),
    Plan(type_id=87, name="90 for 90", interval="3MO", amount=9000, months=3, weight=90, fixed_periods=1),
    Plan(type_id=88, name="2-Week Pass", interval="BWK", amount=2900, months=0, weight=170, fixed_periods=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something the desk or the web shop sells, with the category it truly belongs to."""

    name: str
    variation: str
    price: int                     # minor units, before tax
    category: str
    units: int = 0                 # day passes in one piece; 0: not a pass
    weight: int = 1


DESK_PRODUCTS = (
    Product(name="Day Pass (14 and up)", variation="Regular", price=2200, category="Day Pass", units=1, weight=300),
    Product(name="Youth Day Pass (under 14)", variation="Child", price=1800, category="Day Pass", units=1, weight=180),
    Product(name="Youth Day Pass with Gear", variation="Gear", price=2300, category="Day Pass", units=1, weight=80),
    Product(name="Day pass with gear upgrade", variation="Gear", price=2700, category="Day Pass", units=1, weight=80),
    Product(name="Mid-day Day Pass", variation="Regular", price=1500, category="Day Pass", units=1, weight=30),
    Product(name="5 Climb Punch Pass", variation="Regular", price=9500, category="Day Pass", units=5, weight=0),
    Product(name="5-Punch Pass", variation="Regular", price=9500, category="Day Pass", units=5, weight=20),
    Product(name="10-Pack Day Pass", variation="Regular", price=18000, category="Day Pass", units=10, weight=8),
    Product(name="Chalk bag", variation="Blue", price=2400, category="Retail", weight=30),
    Product(name="Climbing shoes", variation="42", price=11900, category="Retail", weight=15),
    Product(name="Water bottle", variation="Steel", price=1900, category="Retail", weight=25),
    Product(name="Company hoodie", variation="M", price=5500, category="Retail", weight=12),
    Product(name="Compression shorts", variation="S", price=3900, category="Retail", weight=10),
    Product(name="Campus board", variation="Oak", price=14900, category="Retail", weight=3),
    Product(name="Passion fruit bar", variation="40 g", price=350, category="Retail", weight=40),
    Product(name="Competition quality chalk", variation="200 g", price=1600, category="Retail", weight=12),
    Product(name="Fitness Class", variation="Drop-in", price=1500, category="Programming", weight=40),
    Product(name="Summer Camp Session 3", variation="Week", price=27500, category="Programming", weight=6),
    Product(name="Climbing Technique Class", variation="Adult", price=3500, category="Programming", weight=12),
    Product(name="Boulder comp entry", variation="Open", price=4500, category="Programming", weight=8),
    Product(name="Youth Comp Team dues", variation="Month", price=17900, category="Team", weight=8),
    Product(name="Birthday Party additional participant", variation="Child", price=2500, category="Event Booking",
            weight=8),
)
WEB_PRODUCTS = (
    Product(name="Day Pass (14 and up)", variation="", price=2200, category="Day Pass", units=1, weight=60),
    Product(name="Youth Day Pass (under 14)", variation="", price=1800, category="Day Pass", units=1, weight=30),
    Product(name="5-Punch Pass", variation="", price=9500, category="Day Pass", units=5, weight=8),
    Product(name="Fitness Class", variation="", price=1500, category="Programming", weight=15),
    Product(name="Summer Camp Session 3", variation="", price=27500, category="Programming", weight=6),
    Product(name="2 Hour Birthday Party", variation="", price=35000, category="Event Booking", weight=14),
    Product(name="Retreat booking", variation="", price=60000, category="Event Booking", weight=2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a campaign promised, as it was written."""

    title: str
    subject: str
    type: str = ""
    amount: str = ""
    code: str = ""
    category: str = "newsletter"


OFFERS = (
    Offer(title="Monthly letter", subject="What is new on the walls"),
    Offer(title="Half price visit", subject="50% off your next visit", type="day_pass_discount", amount="50%",
          code="HALF50", category="promotional"),
    Offer(title="Two-week pass", subject="Two weeks for $29", type="membership_discount", amount="$29", code="TWOWEEK",
          category="promotional"),
    Offer(title="Shoe sale", subject="20% off shoes this week", type="retail_discount", amount="20%", code="SHOE20",
          category="promotional"),
    Offer(title="Come back", subject="We kept your rope: 50% off for a friend", type="day_pass_discount", amount="50%",
          code="FRIEND50", category="re-engagement"),
    Offer(title="Reel", subject="150% more holds", type="other", amount="150% more holds", category="promotional"),
    Offer(title="Bring two", subject="Two visits, one price", type="day_pass_discount", amount="50 % off both",
          code="BOTH50", category="promotional"),
)
