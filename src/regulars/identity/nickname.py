"""Short and familiar forms of English given names, so that Bob can be Robert."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

_FORMS = """
abigail abby abbie gail|adelaide addie|albert al bert albie|alexander alex xander sandy alec sasha
alexandra alex sandra lexi|alfred alf alfie fred|alice allie|alison ali allie|amanda mandy|amelia amy millie mia
andrew andy drew|angela angie|ann annie nan nancy|anna annie|anthony tony ant|archibald archie|arthur art artie
barbara barb babs barbie|beatrice bea trixie|benjamin ben benny benji|bernard bernie|bradley brad
caroline carrie caro lina|cassandra cass cassie|catherine cathy kate katie cat kitty|charles charlie chuck chas
charlotte charlie lottie|christina chris tina chrissy|christine chris tina chrissie|christopher chris kit topher
cynthia cindy|daniel dan danny|danielle dani|david dave davey|deborah deb debbie|dennis denny|dominic dom nick
donald don donnie|dorothy dot dottie dolly|douglas doug|edward ed eddie ted ned|eleanor ellie nell nora
elizabeth liz beth betty lizzie eliza libby betsy lisa|emily em emmy|emma em|eugene gene|evelyn evie eve|florence flo
frances fran frankie|francis frank fran|franklin frank|frederick fred freddie|gabriel gabe|gabrielle gabby
geoffrey geoff jeff|george georgie|gerald gerry jerry|gilbert gil|gregory greg|gwendolyn gwen|harold harry hal
harriet hattie|henry harry hank hal|herbert herb bert|irene rene|isaac ike|isabella bella izzy belle isa
isabelle bella izzy belle|jacob jake|jacqueline jackie|james jim jimmy jamie|janet jan|jason jay|jean jeanie
jeffrey jeff|jennifer jen jenny|jeremy jerry jem|jessica jess jessie|joan joanie|joanna jo|john johnny jack
jonathan jon jonny|joseph joe joey|josephine jo josie|joshua josh|judith judy|julia julie jules|karen kari
katherine kathy kate katie kat kitty|kathleen kathy kate|kathryn kathy kate katie|kenneth ken kenny|kimberly kim
laura laurie|lawrence larry laurie|leonard len lenny leo|leonardo leo|lillian lily lil|louis lou louie|louise lou
lucille lucy|madeline maddie|magdalena lena|margaret maggie meg peggy marge rita|maria mia|martha marty|martin marty
mary molly polly|matilda tilly tilda|matthew matt matty|maximilian max|megan meg|melanie mel|melissa mel missy lissa
michael mike mick mickey|michelle shelly|mitchell mitch|nancy nan|natalie nat|nathan nat nate|nathaniel nat nate
nicholas nick nicky|nicole nicki nikki|norman norm|oliver ollie|olivia liv livvy|pamela pam
patricia pat patty trish tricia|patrick pat paddy|penelope penny|peter pete|philip phil|phillip phil|priscilla cilla
rachel rach|randall randy|raymond ray|rebecca becky becca|reginald reg reggie|richard rick dick rich ricky richie
robert bob rob bobby robbie bert|roberta bobbie|rodney rod|roger rodge|ronald ron ronnie|rosemary rose rosie
russell russ|samantha sam sammy|samuel sam sammy|sandra sandy|sarah sally sadie|sebastian seb|sharon shari|sidney sid
simon si|sophia sophie|stanley stan|stephanie steph|stephen steve stevie|steven steve stevie|stuart stu
susan sue susie|suzanne sue suzie|sylvia syl|terence terry|teresa terry tess|theodore ted theo teddy
theresa terry tess|thomas tom tommy|timothy tim timmy|tobias toby|valerie val|vanessa ness|veronica ronnie|victor vic
victoria vicky tori|vincent vince vinnie|virginia ginny|vivian viv|walter walt wally|wendy wen|wilfred wilf
william bill will billy willie|winifred winnie|zachary zach zack
"""

NICKNAMES: Mapping[str, tuple[str, ...]] = {
    forms[0]: tuple(forms[1:]) for line in _FORMS.strip().splitlines() for forms in (f.split() for f in line.split("|"))
}
"""Given names, in small letters, and the forms people use instead."""

_FORMAL = {form: long for long in sorted(NICKNAMES, reverse=True) for form in NICKNAMES[long]}


def formal(names: pa.Array) -> pa.Array:
    """Return the given name that each name is a form of, the first where there are several; itself for all others."""
    known = names.dictionary_encode()
    return pa.array([_FORMAL.get(name, name) for name in known.dictionary.to_pylist()], pa.string()).take(known.indices)
