"""What people of several cultures are called: given names and surnames that belong together, some very common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names from the most common to the rarest, and how they are drawn."""

    words: Sequence[str]
    until: Sequence[float]                   # the sum of the weights of all names up to this one

    @classmethod
    def of(cls, text: str, *, offset: float, tail: Sequence[str] = ()) -> Names:
        """Return names whose weights fall with their rank: the smaller the offset, the more have the first."""
        words = [word.replace("_", " ") for word in text.split()] + list(tail)
        return cls(words=words, until=list(accumulate(1 / (rank + offset) for rank in range(len(words)))))

    def draw(self, chance: Random) -> str:
        """Return one of the names, common ones more often."""
        return chance.choices(self.words, cum_weights=self.until)[0]

    def like(self, name: str, chance: Random) -> str:
        """Return another name that begins alike, as parents of twins choose; any other where there is none."""
        close = [word for word in self.words if word[:1] == name[:1] and word != name]
        return chance.choice(close or [word for word in self.words if word != name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Culture:
    """How one part of the town is named."""

    share: float                             # of the homes
    male: Names
    female: Names
    surnames: Names
    middles: float = 0.0                     # share of people with a second given name
    doubled: float = 0.0                     # share of people with two surnames, the father's and the mother's
    takes: float = 0.7                       # share of wives who bear their husband's surname
    junior: float = 0.004                    # share of sons who are called as their father
    gendered: Mapping[str, str] | None = None        # end of a surname -> that of a woman
    familiar: Mapping[str, str] | None = None        # given name -> what friends, and some desks, write


ENGLISH_STARTS = (
    "ash birch black brad burn car chat clay cross dray east fair gar hales hard hay hol ken kings lang mil new "
    "nor oak al ather bar bas beck ber bickers blen bos brink brom buck cald carl chester clif col cran dar den "
    "dun el elling far fen fin flet fos gals gil gos hal har hatch hath her hinck hors hux kel kim lang led lid "
    "lin lock lud mal mar mel mid mor nes nut or pen pick pres rad ren ros row sand shel sher sil stan stap stock "
    "sut tar thorn til wake wat"
)
ENGLISH_ENDS = (
    "bourne burn bury by cott croft dale den field ford gate ham hurst ington land ley low more ridge stead ston "
    "ton well wick worth"
)
LATIN_STARTS = (
    "alm ar bel bustam carr cer cord esc esp fuent gall gam gran guev ib lar mald mont nav oliv pach pal qui ros "
    "sal sol tern val ver"
)
SLAVIC_STARTS = (
    "alek bor dem fed gor ignat jur kir kuz lav mak nik orl pav rom sem tar vas yak zor"
)


def _english() -> list[str]:
    starts = ENGLISH_STARTS.split()
    ends = ENGLISH_ENDS.split()
    return [start + end for start, end in product(starts, ends)]


def _latin() -> list[str]:
    starts = LATIN_STARTS.split()
    return [start + end for start, end in product(starts, ["ante", "ares", "ero", "illo", "ón", "osa", "ado", "ida",
    "anza", "era"])]


def _slavic() -> list[str]:
    starts = SLAVIC_STARTS.split()
    return [start + end for start, end in product(starts, ["enko", "ovich", "in", "ov", "uk", "ev", "sky", "anov"])]


ENGLISH_MEN = (
    "james michael robert john david william christopher joseph daniel matthew andrew joshua ryan jacob nicholas "
    "tyler anthony brandon ethan noah liam mason logan lucas jackson aiden jayden jaden caleb hunter dylan connor "
    "evan owen thomas charles mark paul steven kevin brian jason jeffrey scott eric timothy richard gregory "
    "patrick sean adam nathan zachary samuel benjamin alexander jonathan justin aaron kyle travis trevor derek "
    "marcus curtis wesley clayton garrett spencer blake colton tanner grant peter gerald carl roy dean earl "
    "stuart neil wade levi silas frank raymond dennis jerry walter harold douglas henry arthur ralph lawrence "
    "philip russell bruce allen wayne louis glenn leonard stanley norman howard max isaac elijah wyatt cooper "
    "parker easton asher miles theodore simon felix hugh oscar rex preston dalton trent kirk brett craig todd "
    "lance ross clark graham everett harrison emmett jasper"
)
ENGLISH_WOMEN = (
    "jennifer jessica ashley emily sarah elizabeth amanda megan hannah emma olivia ava madison abigail chloe ella "
    "lily grace natalie samantha lauren rachel nicole stephanie katherine catherine kathryn rebecca amy michelle "
    "laura kimberly melissa heather christina christine kelly erin allison alison danielle daniela victoria "
    "alexandra paige morgan haley hailey kaylee kayla brooke sydney claire julia julie anna ann anne mary "
    "margaret susan patricia linda barbara karen nancy carol sharon diane janet joan jean ruth helen alice martha "
    "jane kate ellen paula andrea jill dorothy betty donna sandra debra cynthia brenda pamela theresa judith "
    "beverly denise tammy tracy robin rhonda dawn wendy tina sherry crystal holly heidi leslie april amber "
    "tiffany courtney kristen jenna hope faith autumn violet hazel stella nora lucy ruby piper quinn ivy willow "
    "isla eleanor josephine clara audrey vivian georgia sylvia june"
)
ENGLISH = (
    "smith johnson williams brown jones davis miller wilson anderson taylor thomas moore martin jackson thompson "
    "white harris clark lewis robinson walker hall young allen king wright scott hill green adams baker nelson "
    "carter mitchell roberts turner phillips campbell parker evans edwards collins stewart morris rogers reed "
    "cook morgan bell murphy bailey cooper richardson cox howard ward peterson gray watson brooks kelly sanders "
    "price bennett wood barnes ross henderson coleman jenkins perry powell long patterson hughes washington "
    "butler simmons foster bryant schmidt meyer schneider weber wagner becker hoffman o'brien o'connor mcdonald "
    "mccarthy fitzgerald"
)
LATIN_MEN = (
    "josé juan luis carlos jesús miguel jorge francisco antonio manuel alejandro pedro ángel ricardo fernando "
    "roberto javier raúl mario eduardo sergio rafael andrés josé_luis juan_carlos diego daniel óscar héctor "
    "arturo martín josé_antonio luis_miguel victor_manuel gerardo salvador ramón julio césar hugo iván santiago "
    "mateo adrián"
)
LATIN_WOMEN = (
    "maría guadalupe ana rosa juana margarita leticia patricia verónica gabriela maría_guadalupe maría_elena "
    "ana_maría maría_josé alejandra adriana sofía valentina camila daniela andrea mónica claudia silvia carmen "
    "elena laura isabel lucía mariana fernanda paola yolanda teresa rosa_maría norma gloria martha cristina diana "
    "brenda"
)
LATIN = (
    "garcía hernández martínez lópez gonzález rodríguez pérez sánchez ramírez flores torres rivera gómez díaz "
    "reyes morales cruz ortiz gutiérrez chávez ramos ruiz mendoza álvarez jiménez castillo vásquez romero moreno "
    "herrera medina aguilar vargas castro guzmán méndez fernández muñoz salazar garza soto vega delgado peña ríos "
    "contreras sandoval guerrero estrada ortega núñez maldonado padilla cervantes de_la_cruz villarreal cantú "
    "treviño zamora"
)
HAN_MEN = (
    "wei jian ming hao jun lei qiang yong xiao_ming zhi_wei tao bin feng kai chao peng zi_han yi_chen jason kevin "
    "eric"
)
HAN_WOMEN = (
    "li na fang jing yan min xiu_ying hui xia mei ling xin_yi yu_ting jia_yi ying xue qian grace amy jenny cindy"
)
VIET_MEN = (
    "minh huy tuan duc nam hung long khanh quang thanh van_hung van_nam dinh_phuc anh_tuan bao hoang son kevin "
    "andy"
)
VIET_WOMEN = (
    "linh trang huong thao ngoc mai lan thi_hoa thi_lan thi_mai phuong anh hanh xuan_thuy kim_anh my vy tiffany"
)
KOREAN_MEN = (
    "min-jun ji-hoon seo-jun hyun-woo do-yun sung-min jun-ho young-soo jae-hyun dong-hyun daniel joshua andrew"
)
KOREAN_WOMEN = (
    "seo-yeon ji-woo min-seo ji-hye soo-jin eun-ji hye-jin yu-na ha-eun young-hee esther grace hannah"
)
INDIAN_MEN = (
    "amit raj sanjay vijay rahul anil suresh ravi arjun rohan harpreet gurpreet jaspreet manish deepak nikhil "
    "arun kiran"
)
INDIAN_WOMEN = (
    "priya anjali pooja neha sunita anita kavita deepa harpreet gurpreet manpreet jaspreet meera divya shreya "
    "kiran"
)
SLAVIC_MEN = (
    "alexander dmitri sergei andrei ivan nikolai vladimir mikhail aleksei pavel oleg igor yuri viktor maksim "
    "piotr"
)
SLAVIC_WOMEN = (
    "olga elena natalia tatiana irina svetlana anna maria ekaterina yulia oksana larisa galina marina alexandra "
    "katarzyna"
)

CULTURES = (
    Culture(
        share=0.56, male=Names.of(ENGLISH_MEN, offset=12), female=Names.of(ENGLISH_WOMEN, offset=12),
        surnames=Names.of(ENGLISH, offset=22, tail=_english()), middles=0.55, junior=0.008,
        familiar={
            "robert": "bob", "william": "bill", "james": "jim", "michael": "mike", "christopher": "chris",
            "joseph": "joe",
            "daniel": "danny", "matthew": "matt", "andrew": "drew", "joshua": "josh", "nicholas": "nick",
            "thomas": "tom",
            "anthony": "tony", "charles": "chuck", "steven": "steve", "richard": "dick", "gregory": "greg",
            "samuel": "sam",
            "benjamin": "ben", "alexander": "alex", "jonathan": "jon", "zachary": "zach", "jennifer": "jen",
            "megan": "meg",
            "jessica": "jess", "elizabeth": "beth", "amanda": "mandy", "samantha": "sam", "katherine": "kate",
            "catherine": "cathy", "kathryn": "kathy", "rebecca": "becca", "stephanie": "steph", "kimberly": "kim",
            "christina": "tina", "christine": "chris", "victoria": "vicky", "margaret": "peggy", "susan": "sue",
            "patricia": "patty", "nancy": "nan", "timothy": "tim", "patrick": "pat", "abigail": "abby",
            "alexandra": "lexi",
        },
    ),
    Culture(
        share=0.22, male=Names.of(LATIN_MEN, offset=5), female=Names.of(LATIN_WOMEN, offset=4),
        surnames=Names.of(LATIN, offset=8, tail=_latin()), doubled=0.45, takes=0.15, junior=0.02,
        familiar={
            "josé": "pepe", "francisco": "paco", "jesús": "chuy", "guadalupe": "lupe", "maría guadalupe": "lupita",
            "eduardo": "lalo", "roberto": "beto", "alejandro": "alex", "alejandra": "ale", "isabel": "chabela",
            "antonio": "toño", "rafael": "rafa", "daniel": "dani", "maría josé": "majo", "gabriela": "gaby",
            "teresa": "tere",
        },
    ),
    Culture(share=0.05, male=Names.of(HAN_MEN, offset=8), female=Names.of(HAN_WOMEN, offset=8), takes=0.1,
            surnames=Names.of("wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo",
            offset=4)),
    Culture(share=0.05, male=Names.of(VIET_MEN, offset=6), female=Names.of(VIET_WOMEN, offset=6), takes=0.1,
            surnames=Names.of("nguyen tran le pham hoang phan vu vo dang bui do ho ngo duong ly", offset=0.8)),
    Culture(share=0.04, male=Names.of(KOREAN_MEN, offset=6), female=Names.of(KOREAN_WOMEN, offset=6), takes=0.3,
            surnames=Names.of("kim lee park choi jung kang cho yoon jang lim han shin seo kwon", offset=1.5)),
    Culture(share=0.04, male=Names.of(INDIAN_MEN, offset=8), female=Names.of(INDIAN_WOMEN, offset=8),
            surnames=Names.of("patel singh shah sharma kumar gupta desai reddy rao mehta nair iyer joshi das",
            offset=2),
            gendered={"singh": "kaur"}),
    Culture(share=0.04, male=Names.of(SLAVIC_MEN, offset=6), female=Names.of(SLAVIC_WOMEN, offset=6),
            surnames=Names.of("ivanov petrov smirnov popov kowalski nowak", offset=9, tail=_slavic()),
            gendered={"ov": "ova", "ev": "eva", "in": "ina", "sky": "skaya", "ski": "ska"},
            familiar={"alexander": "sasha", "dmitri": "dima", "ekaterina": "katya", "maria": "masha",
            "mikhail": "misha",
                      "natalia": "natasha", "alexandra": "sasha", "vladimir": "vova", "anna": "anya", "irina": "ira"}),
)
"""The cultures of the town; within each a full name is as common as its parts say, over the town it is more common."""
