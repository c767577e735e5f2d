"""The words by which people ask to be left alone, to be written to, or for help: English, Spanish, French, Portuguese.

All of it is written as `keyword.folded` leaves a text: lower case, no accents, no apostrophes ("dont", "menvoyez"),
clauses parted by ` | `. Sources: the commands of 47 CFR 64.1200(a)(10) and of carriers; the rest is grammar: a verb of
ceasing or a refusal, and something that is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

WordingKind = Literal["opt_out", "opt_in", "help", "ambiguous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One way of saying it."""

    kind: WordingKind
    language: str
    reason: str
    pattern: re.Pattern[str]
    needs_question: bool = False             # an opt-in only where one was asked for


def _commands(kind: WordingKind, language: str, words: str) -> dict[str, tuple[WordingKind, str]]:
    return dict.fromkeys((each.strip() for each in words.split(",")), (kind, language))


COMMANDS: dict[str, tuple[WordingKind, str]] = {
    **_commands("opt_out", "pt", "sair, remover, cancelar inscricao, descadastrar"),
    **_commands(
        "opt_out", "fr", "arret, arreter, arretez, arrete, desabonner, desabonnement, desabonnez, desinscrire, "
        "desinscription, desinscrivez, me desabonner, me desinscrire, annuler, resilier, retirer, supprimer, stopper",
    ),
    **_commands(
        "opt_out", "es", "parar, pare, paren, para, alto, basta, detener, detente, detenga, baja, darme de baja, "
        "dar de baja, cancelar, cancela, cancele, salir, quitar, eliminar, borrar, terminar, desuscribir, desuscribirme, "
        "anular, no mas",
    ),
    **_commands(
        "opt_out", "en", "stop, stopall, stop all, unsubscribe, unsub, unsubscribed, unsubscribing, cancel, stop this, end texts, cancel all, end, end all, "
        "quit, revoke, stop it, optout, opt out, opted out, remove, removed, delete, stop stop, stop texting, stop messaging, "
        "stop sending, no more, stop it now, cease, desist, dnc, do not contact, do not text, dont text, no texts, "
        "unsubscribe stop, stop unsubscribe, stop end, stop quit, opt out stop, stop messages, stop texts, take off",
    ),
    **_commands(
        "opt_in", "en", "start, unstop, optin, opt in, subscribe, resubscribe, resume, restart, unstop all, start again",
    ),
    **_commands("opt_in", "es", "alta, empezar, comenzar, suscribir, suscribirme, reanudar, iniciar"),
    **_commands("opt_in", "fr", "commencer, reprendre, abonner, sabonner, inscrire, demarrer"),
    **_commands("opt_in", "pt", "comecar, inscrever, retomar"),
    **_commands("help", "en", "help, info, information, halp, help help, help info"),
    **_commands("help", "es", "ayuda, informacion, ayudame, socorro"),
    **_commands("help", "fr", "aide, infos, aidez moi, renseignements"),
    **_commands("help", "pt", "ajuda"),
}
"""Replies that are nothing but this, by their folded text: what they ask for, and the language."""

CONFIRMING = frozenset("yes,y,yeah,yep,yup,ok yes,yes yes,si,oui,sim,1,agree,i agree,confirm,accept".split(","))
"""An opt-in when one was asked for, and else just an answer."""

UNWILLING = frozenset((
    "no,nope,nah,no no,not interested,im not interested,no interest,bye,goodbye,good bye,enough,pass,never,not now,"
    "knock it off,quit it,cut it out,stopped,ended,cancelled,canceled,quitting,spam,scam,this is spam,pause,"
    "wrong number,wrong person,not me,no me interesa,non,nao,pas interesse,pas interessee,adios,au revoir,"
    "numero equivocado,mauvais numero,faux numero,pas interesse du tout,ya no,shut up,who gave you my number"
).split(","))
"""Replies that are nothing but this: unwilling, but perhaps of one offer only."""

COURTESY = (
    "and", "please", "pls", "plz", "plse", "kindly", "thank you", "thank u", "thanks", "thx", "ty", "tks", "hi", "hello", "hey",
    "now", "right now", "immediately", "asap", "just", "sir", "maam", "guys", "ok", "okay", "por favor", "porfavor",
    "porfa", "gracias", "muchas gracias", "hola", "ahora", "ya mismo", "svp", "sil vous plait", "sil te plait",
    "merci", "bonjour", "bonsoir", "maintenant", "obrigado", "obrigada", "ola", "agora", "me", "today", "yall",
)
"""What may stand around a command without changing it."""

REAL_WORDS = frozenset((
    "shop,step,slop,swop,atop,stoop,stomp,strop,top,sop,stow,stops,stopper,stripe,quite,quiet,quilt,quid,quip,suit,quint,"
    "cancer,canal,remote,removed,deleted,relete,revolt,revoked,evoke,provoke,invoke,cease,case,crease,lease,tease,pease,"
    "arrest,parer,parar,paris,baja,bajo,bata,basta,alto,salir,para,pare,care,dare,bare,fare,hare,mare,rare,ware,page,pace,"
    "part,past,pure,pared,paren,spare,air,fair,hair,pair,sail,said,stair,altos,salt,auto,also,halo,also,desert,subscribe,"
    "prove,move,remover,end,quit,resist,insist,deist,stopwatch,pasta,barrett,arrived,valet,barrel,sair,fin,baba,haja,"
    "caja,raja,bajan,baha,optic,anular,annular,granular,salsa,solar,polar,star,start,stopy,laser,salid"
).split(","))
"""Words that are one letter from a command and mean themselves."""


# --- parts of the grammar --------------------------------------------------------------------------------------------

_SENT = (
    r"(?:te?xts?|txts?|te?xting|txting|te?xt messages?|messages?|messaging|msgs?|sms|mms|alerts?|notifications?|notifs?|"
    r"e ?mails?|emailing|calls?|calling|promos?|promotions?|promotionals?|ads?|adverts?|advertisements?|marketing|spam|"
    r"spamming|communications?|contacts?|contacting|updates?|offers?|reminders?|newsletters?|solicitations?|deals|blasts?|"
    r"junk|crap|bs|nonsense|stuff|things)"
)
_SENDING = (
    r"(?:te?xting|txting|messaging|msging|smsing|contacting|calling|emailing|e mailing|sending|spamming|bothering|bugging|"
    r"harassing|annoying|pestering|bombarding|blowing up|hitting me|writing|hassling|soliciting|bugging|pinging|"
    r"notifying|advertising|disturbing|reaching out)"
)
_SEND = (
    r"(?:te?xt|txt|message|msg|contact|call|email|e mail|send|write|spam|bother|bug|harass|disturb|ping|reach out|solicit|"
    r"annoy|hit)"
)
_NOT = r"(?:dont|do not|donot|dnt|never|not|no longer|stop trying to|please no|didnt ask you to)"
_ME = r"(?:me|us|my|this|here|him|her|them)"
_LIST = (
    r"(?:lists?|database|data base|records?|texts?|te?xting|messages?|messaging|mailing|mailings|system|distribution|"
    r"group|chat|thread|contacts?|sms|alerts?|notifications?|marketing|spam|promos?|promotions?|emails?|this|here|it|"
    r"everything|all|your|yours|these|those|them|subscribers?|subscription|file|files|phone|directory|program|newsletter)"
)
_ANY = r"(?:\w+ ){0,3}?"

KEPT = re.compile(
    # A refusal of the very wish to stop, and sorrow that something might stop.
    r"\b(?:(?:please |pls |plz )?(?<!if you )(?<!if u )(?<!unless you )(?<!if yall )(?<!why )(?:dont|do not|dnt|never|cant|cannot|couldnt|wont|wouldnt|didnt|did not|doesnt|isnt|"
    r"arent|not|havent|no need to|no reason to|without|hope (?:you|u|yall) (?:dont|never)|"
    r"dont want to|do not want to|dont want you to|do not want you to|dont want|do not want|didnt mean to|"
    r"did not mean to|never meant to|didnt want to|wouldnt want to) "
    r"(?:ever |you |u |to |them to |it to |even |really |wanna )*"
    r"(?:stop(?:ped|ping)?|unsubscribed?|unsub|opt(?:ed)? out|remove me|removed?|delete me|take me off|leave me alone|"
    r"cancel(?:led)?|quit|end)\b(?: \w+){0,4}"
    r"|dont want (?:the|your|these|them|those|this|it)(?: \w+){0,2} to (?:stop|end)\b"
    r"|no (?:dejen?|pares?|paren|cancelen|quiten|borren|eliminen|saquen) (?:de |me |los |las |mi )?(?:\w+ ?){0,3}"
    r"|no (?:me|nos) (?:quiten?|borren?|saquen?|den? de baja|eliminen?|den baja)(?: \w+){0,4}"
    r"|no quiero (?:que )?(?:dejen?|paren?|cancelar|salir|darme de baja|dejar)(?: \w+){0,5}"
    r"|n ?e? ?arretez (?:pas|jamais)(?: \w+){0,4}|n ?arrete(?:z)? (?:pas|jamais)(?: \w+){0,4}"
    r"|ne (?:me |nous )?(?:desabonnez|desinscrivez|retirez|supprimez|desabonne|retire) pas(?: \w+){0,3}"
    # Idioms and things that are called so.
    r"|non ?stop|nonstop|(?:bus|truck|pit|rest|train|whistle|full|short|door|next|first|last|quick|one|our|a|the) stops?\b"
    r"(?! (?:te?xting|sending|messag|contact|call|all))"
    r"|stop(?:ped|ping|s)? (?:by|in|at|over|off|for|sign|light|watch|there|here for|payment|loss|motion)\b"
    r"|stopwatch|back ?stop|(?:week|dead|rear|high|low|front|loose|tail) ?ends?|end of|in the end|ends? (?:up|at|on|in)"
    r"|quit(?:ting)? (?:smoking|drinking|my job|time|his|her|their)|call it quits"
    r"|(?:stops|stopped) (?:working|loading|charging)"
    r"|parada|arret de bus|arret du bus|arret de tram|sans arret)"
)
"""Phrases that hold a command's word and none of its wish: taken out before any rule looks."""

ABOUT_OTHER_THINGS = re.compile(
    r" ?(?:from |for |of |off |out |on |in |to |at |with |about |me |us |my |the |our |your |this |that |his |her |a |an |"
    r"any |all |more |wait|sons? |daughters? |kids? |childs? |\d+\w* |am |pm |mon\w* |tues?\w* |wed\w* |thu\w* |fri\w* |"
    r"sat\w* |sun\w* |birthday |belay |auto |late |next |weekly |monthly |yoga |spin |youth |summer |guest |photo |"
    r"day |family |two |week )*"
    r"(?:wait ?list|class(?:es)?|part(?:y|ies)|bookings?|reservations?|membership|memberships|plan|accounts?|team|roster|"
    r"event|schedule|scheduled|orders?|lessons?|sessions?|camps?|league|registration|invoice|invoices|bills?|billing|"
    r"payments?|charges?|charging|charged|autopay|pay|renewals?|renewal|renewing|fees?|freeze|appointments?|appt|meeting|"
    r"insurance|cart|release|trial|gym|pass|passes|workshop|program registration|competition|comp|tournament|towels?|"
    r"sign ?up|signup sheet|calendar|card|credit card|bank|locker|photos?|website|page|shoes|rental|rentals|shipping|"
    r"delivery|package|coach|group class|receipts?|food|car|door|window|kitchen|oven|music|road|way)\b"
)
"""What follows a wish that is about something one buys or attends: then it is no wish about messages."""

LIMITED = re.compile(
    r"\b(?:(?:after|before|until|till|past) (?:\d+ ?(?:am|pm)?|noon|midnight|work|hours|next|tomorrow|the|my|i |we |it)"
    r"|(?:so|this|that|too) (?:late|early)|at night|late at night|at (?:work|midnight|\d+)"
    r"|(?:in|during) the (?:morning|evening|night|day)\b|during (?:work|school|business|the)|on (?:sun|mon|tues|wednes|"
    r"thurs|fri|satur)days?|on weekends?|so (?:often|much|many)|every ?day|as (?:often|much|many)|(?:text|message|email|"
    r"mail|call) (?:me )?instead|while (?:i|im|we)|when (?:i|im)|this week|for now|for a (?:while|bit|week|month)|"
    r"today|tomorrow|tonight|por la noche|de noche|tan tarde|tan temprano|le soir|la nuit|si tard|"
    r"about (?:my|the|his|her) \w+|only (?:call|text|email))\b"
)
"""What makes a wish one of hours, ways or topics: a person reads it."""

JOKING = re.compile(
    r"\b(?:lol|lmao|rofl|haha\w*|hehe\w*|jaja\w*|omg|laugh\w*|funny|hilarious|kidding|joking|too kind|so sweet|"
    r"blushing|killing me|crying|mdr|made me)\b"
)
ASKED_ABOUT = re.compile(
    r"^(?:did|have|has|why|what|when|where|was|were|is|are|does|do i|should|would)\b(?!.* (?:please|pls|want)\b)"
)
NOT_MEANT_FOR_US = re.compile(
    r"\b(?:(?:reply|replying|respond|send|type|txt|text|envie|responda|envoyez|repondez|enviar|responder) "
    r"(?:with )?(?:stop|alto|baja|end|arret|parar|sair)\b(?: \| | )?(?:2|to|para|pour|a|2) \w+"
    r"|auto ?(?:matic)? ?(?:reply|response|answer|replied)|automated (?:reply|response|message)|out of (?:the )?office|"
    r"driving with (?:do not disturb|focus)|do not disturb (?:is|while|mode|turned)|this (?:number|inbox|mailbox) is not "
    r"monitored|notifications silenced|im driving|respuesta automatica|reponse automatique|absence du bureau)"
)


def _rule(kind: WordingKind, language: str, reason: str, *patterns: str, needs_question: bool = False) -> Wording:
    return Wording(
        kind=kind, language=language, reason=reason, needs_question=needs_question,
        pattern=re.compile(rf"(?:\b(?:{'|'.join(patterns)}))"),
    )


WORDING: tuple[Wording, ...] = (
    _rule(
        "opt_out", "en", "asks us to stop sending",
        rf"(?:stop|quit|cease|desist|halt|discontinue|enough (?:with|of)|done with|end|cut out|knock (?:it )?off|no more|cancel|"
        rf"block) (?:it |with |all |the |these |those |your |ur |this |any |of |doing |fucking |damn |stupid |freaking |constantly |"
        rf"always |automated |future |further |sending |getting |receiving |me |us |my |such |daily |weekly |unwanted |"
        rf"unsolicited |promo |promotional |marketing |text |spam |annoying |gym |sms |phone |from )*(?:{_SENDING}|{_SENT})\b",
        rf"(?:stop|quit|cease) (?:it |please )?(?:w |with )?{_SENDING}",
        r"stop(?:ping)? (?:to )?(?:te?xt|txt|message|contact|call|email|send) (?:me|us|my|this)",
        r"stop contact", r"cease and desist", r"(?:te?xt|message|contact|call|email) (?:me|us) again (?:and|or) i",
        r"if (?:you|u|yall|i) (?:\w+ )?(?:te?xt|message|contact|call|get another|email)\w*(?: \w+)* again", r"stop (?:me|my number|this number|everything|all of (?:it|this))\b",
        r"(?:if|unless) (?:you|u|yall) (?:dont|do not|wont) stop",
        r"i(?:ve| have| already| just)* (?:said|told|texted|sent|replied|typed|wrote|asked)(?: you| yall| u| to| repeatedly)* "
        r"(?:stop|unsubscribe|opt out)",
        r"(?:please|pls|plz|just|number|thanks|no|interested|ok|hey|spam|enough) stop(?: it| this| now| already)?"
        r"(?: \||$| please| thanks| thank| pls)",
        r"stop (?:please|pls|plz|now|already|this|texting)(?: now| please)*(?: \||$)",
        r"make (?:it|this|these|them|the (?:texts|messages)) stop",
        r"how (?:do|can|to|would|does|could)(?: i| we| you| one)? (?:make (?:this|these|it) )?(?:stop|unsub\w*|opt out|"
        r"get off|turn (?:this|these|it|them) off|get out of)\b",
    ),
    _rule(
        "opt_out", "en", "refuses what is sent",
        rf"(?:dont|do not|donot|dnt|no longer|never|not) (?:ever |wanna |wish |want |care |like |need |to |you |u |"
        rf"yall |desire |interested |in |be |been |keep |being |get |getting |receive |receiving |hear |see |"
        rf"accept |any |more |all |these |those |your |ur |this |the |of |further |future |please |such |here |"
        rf"consent |agree )+(?:{_SENT}|from (?:you|u|yall)|contacted|te?xted|messaged|called|emailed|spammed|bothered|"
        rf"notified|solicited|on (?:this|your|the|ur) (?:te?xt |txt |mailing |contact |marketing )?list)\b",
        rf"{_NOT} (?:ever |again |please |you |want you to |wish you to |need you to |dare )*{_SEND} "
        rf"(?:to )?(?:{_ME} (?:again|any ?more|ever|number|phone|any|these|this|those|texts?|messages?|stuff|things|please|"
        rf"at all|no more|with)|{_ME}(?: \||$)|(?:again|any ?more)|(?:any|these|those|more|anything|your) \w+|anything)",
        rf"(?:dont|do not|donot|dnt|never) (?:ever |please )?(?:te?xt|txt|message|msg|contact|bother|spam|harass|disturb|"
        rf"solicit|annoy) {_ME}\b",
        rf"(?<!get )(?<!got )(?<!getting )(?<!received )(?<!receive )(?<!have )(?<!had )no more (?:\w+ )?{_SENT}\b",
        r"no (?:te?xting|messaging|contacting|solicit\w*)\b",
        r"lose (?:my|this) (?:number|num|phone|contact)", r"(?:forget|erase) (?:my|this) (?:number|phone)",
        r"block (?:me|my number|this number)\b",
        r"(?:put|add|place|get) (?:me|us|my number|this number|my name) (?:on|in|to) (?:the|your|ur|a) (?:do not|dont|dnc|no)"
        r"\b", r"do not (?:call|contact|text|disturb) list", r"dnc list",
        r"leave (?:me|us|my \w+) (?:the \w+ |tf |tfu )?(?:alone|be|in peace)\b",
        r"(?:go|get) (?:away|lost)(?: \||$)", r"(?:f|fuck|piss|bugger|buzz|eff|back|sod|bug|feck|f k|fk|screw) off\b",
        r"fuck (?:you|u)\b",
        r"not? interested (?:in )?(?:receiv|getting|hearing|being (?:contact|te?xt))\w*",
    ),
    _rule(
        "opt_out", "en", "asks to be taken off the list",
        r"(?:remove|delete|erase|scrub|unlist|exclude|purge|strike|unenroll|omit|clear|wipe) (?:me|us|my (?:number|name|phone|"
        r"info\w*|contact|details|data|email|cell|mobile|numbers?|#)|this (?:number|phone|email|contact)|our number|"
        r"the number|number)",
        rf"(?:take|get|drop|pull|cross|keep|kick|put|scratch|leave) (?:me|us|my (?:number|name|phone|info|contact|email|cell)|"
        rf"this number) (?:off|out|from)(?: of| from)?(?: (?:ur|your|the|this|that|these|those|any|all|any and all|whatever|"
        rf"damn|stupid|mailing|contact|marketing|texting|text|txt|calling|call|email|sms|promo|spam|phone))* ?"
        rf"(?:{_LIST}\b|\||$)",
        r"(?:remove|delete|removed|deleted|off|taken off|get off|out of) (?:from |of )?(?:the |your |this |ur |these |all |any )"
        r"?(?:te?xt |txt |mailing |marketing |contact |texting |sms |phone |calling |spam |promo )*(?:lists?|database)\b",
        r"(?:remove|removed|remove it|delete) from (?:this|these|your|all)\b(?! \w+ (?:class|team))",
        r"(?:want|like|need|asked|wish|please|to be|be|get) (?:to be |me |be )?(?:removed|taken off|off (?:this|your|the) list)"
        r"(?! from my)",
        r"(?:i )?want (?:out|off)(?: \||$| of (?:this|these|your))",
    ),
    _rule(
        "opt_out", "en", "unsubscribes or revokes",
        r"(?:please|pls|want|wanna|need|like|wish|wishing|trying|try|to|can|will|just|must|let|you|u|kindly|asap) "
        r"(?:\w+ ){0,2}?(?:unsubscri\w+|unsuscri\w+|unsubcri\w+|unsub\b|opt(?:ed)? ?out\b)",
        r"(?:unsubscribe|unsuscribe|unsubcribe|unsub|opt) (?:me|us|my|out me|this|from|now|please|immediately|all)\b",
        r"(?:opt|opting) (?:me |us |my number |this number )?out\b", r"im (?:unsubscribing|opting out|unsubbing)",
        r"i (?:unsubscribe|unsub|opt out|quit|revoke)\b",
        r"(?:revok|withdraw|rescind|retract)\w* (?:my |all |any |the |prior |previous |this )*(?:consent|permission|"
        r"authori[sz]ation|opt in)",
        r"(?:i )?(?:do not|dont|no longer) (?:give |have )?(?:my |you )?(?:consent|permission)",
        r"you (?:do not|dont|no longer) have (?:my )?(?:consent|permission)",
        r"cancel (?:my |the |all |your )?(?:te?xt|txt|sms|message|alert|notification|email|e mail|marketing)\w*"
        r"(?: subscription| alerts| service)?",
        r"turn (?:off|these off|this off|them off)(?: (?:the|these|all|your|text))* ?(?:te?xts?|messages|alerts|"
        r"notifications)?(?: \||$)",
        r"(?:cancel|end) (?:my |the |this |your )?(?:te?xt |sms )?subscription (?:to|for|of) (?:\w+ )?(?:te?xts?|messages|sms|alerts)",
        r"(?:dont|do not|no longer|dnt) want (?:this|these|it|them|those|any of (?:this|it))(?: any ?more|$| \|)",
    ),
    _rule(
        "opt_out", "es", "pide que dejen de escribir",
        r"(?:ya )?no (?:me|nos|le|les) (?:\w+ )?(?:envi\w+|mand\w+|escrib\w+|llam\w+|contact\w+|molest\w+|text\w+|mensaj\w+|"
        r"notifi\w+|moleste\w*|fastidi\w+|busqu\w+|habl\w+)",
        r"(?:ya )?no (?:molest\w+|fastidi\w+|textee\w+)", r"(?:ya )?no (?:envi\w+|mand\w+) (?:mas|mensajes|textos|nada|correos|publicidad|sms)",
        r"(?:ya )?no (?:quiero|deseo|quisiera|queremos|necesito|acepto|autorizo)(?: \w+){0,3}? (?:mensaj\w+|textos?|sms|"
        r"correos?|publicidad|promociones|ofertas|notificaciones|recibir\w*|nada de ustedes|que me (?:escrib|envi|llam|mand|"
        r"contact|molest)\w+|avisos|anuncios)",
        r"(?:deja|deje|dejen|dejad|dejar|para|pare|paren|parar|cesen?|basta|alto|terminen|termina) (?:ya )?(?:de|con) "
        r"(?:\w+ ){0,1}?(?:envi\w+|mand\w+|escrib\w+|molest\w+|llam\w+|text\w+|mensaj\w+|contact\w+|fastidi\w+|spam\w*|"
        r"mensajes|los|las|tanto|tantos)",
        r"(?:deja|deje|dejen|dejad)(?:me|nos) (?:ya )?(?:en paz|tranquil\w+|sol\w)",
        r"(?:quit|elimin|borr|saqu|sac|remuev|remov|retir|dese?suscrib|excluy)\w*(?:me|nos|nme|nnos|enme|eme)\b",
        r"(?:quit|elimin|borr|saqu|sac|remuev|remov|retir|dese?suscrib)\w* (?:mi (?:numero|nombre|telefono|celular|correo)|"
        r"este numero|(?:me )?de (?:la|su|tu|esta|sus) (?:lista|base))",
        r"me (?:quit|borr|saqu|sac|elimin|remuev)\w+ (?:de|por)",
        r"(?:dar|dare|darme|deme|denme|dame|den|doy|dennos|demos|me doy)(?:me)? de baja", r"dar(?:me)? (?:la )?baja",
        r"quiero (?:cancelar|salir|la baja|salirme|desuscribir\w*)(?: de)?(?: (?:esto|esta lista|la lista|los|mi suscripcion|"
        r"estos|sus))*(?: mensajes)?(?: \||$)",
        r"(?:cancel\w+|suspend\w+|deteng\w+|paren|quiten|detener|parar) (?:\w+ ){0,1}?(?:mensajes|textos|sms|correos|"
        r"notificaciones|suscripcion|promociones)",
        r"no mas (?:\w+ )?(?:mensajes|textos|sms|correos|publicidad|promociones|llamadas|spam)",
        r"olvid\w+ mi numero",
    ),
    _rule(
        "opt_out", "fr", "demande de ne plus ecrire",
        r"n ?e? ?(?:me |nous |m |m?(?=e))?(?:m ?)?(?:envoy\w+|ecri\w+|contact\w+|appel\w+|derang\w+|texto\w+|sollicit\w+|"
        r"harcel\w+|embet\w+) (?:plus|pas|jamais|pu)\b",
        r"ne plus (?:me |nous |m )?(?:m?envo\w+|m?ecri\w+|contact\w+|m?appel\w+|recevoir|etre contact\w+|derang\w+)",
        r"ne (?:me|nous) (?:envoy\w+|ecri\w+|contact\w+|appel\w+|derang\w+|texto\w+|sollicit\w+|harcel\w+|spam\w+) (?:plus|pas|"
        r"jamais)",
        r"(?:menvoy\w+|mecri\w+|mappel\w+|me contact\w+|m envoy\w+|m ecri\w+|me texte\w+|me derang\w+) plus\b",
        r"(?:ne |n )?(?:veux|voulons|souhaite|souhaitons|desire|voudrais|accepte) (?:plus|pas|aucun)(?: \w+){0,3}? (?:recevoir|"
        r"messages?|sms|textos?|mails?|courriels?|pubs?|publicites?|notifications?|promos?|etre (?:contact|sollicit|derang)\w+|"
        r"que vous|vos|de vos|entendre)",
        r"(?:arret\w+|cess\w+|stopp?e?z?|stop) (?:de |d |avec |dm|dem?|den)?(?:me |m |nous |les |vos |ces |tous |l ?)*"
        r"(?:envo\w*|menvo\w*|lenvoi|ecri\w+|mecri\w+|contact\w+|appel\w+|mappel\w+|derang\w+|harcel\w+|texto\w*|spam\w*|"
        r"messages?|sms|mails?|pubs?|envois?|embet\w+|promos?)",
        r"(?:desabonn|desinscri|retir|supprim|enlev|effac|ray|ot|radi|sort)\w* ?(?:moi|nous|mon (?:numero|nom|adresse|contact|"
        r"telephone|mail)|ce numero|mes (?:coordonnees|donnees|infos))",
        r"(?:me|nous|m ?) ?(?:desabonn|desinscri)\w+", r"(?:retirer|supprimer|enlever|rayer|sortir|etre retire\w*) (?:de|mon) "
        r"(?:la |votre |cette |vos )?(?:liste|numero|fichiers?|base)",
        r"(?:me (?:retirer|supprimer|enlever|rayer))",
        r"(?<!recois )(?<!ai )(?:plus (?:de|aucun|d) ?(?:messages?|sms|textos?|pubs?|mails?|courriels?|notifications?|envois?))\b",
        r"(?:laiss\w+|fich\w+|fout\w+)(?:[ ]?(?:moi|nous)) (?:tranquilles?|la paix|en paix)",
        r"(?:je )?(?:retire|revoque|annule) mon (?:consentement|accord|abonnement sms)",
        r"oubliez mon numero",
    ),
    _rule(
        "opt_out", "pt", "pede para nao escrever mais",
        r"nao (?:me |nos )?(?:\w+ )?(?:envi\w+|mand\w+|ligu\w+|contat\w+|escrev\w+|perturb\w+|incomod\w+)",
        r"nao (?:quero|desejo|queremos)(?: \w+){0,3}? (?:receber|mensage\w+|sms|emails?|promocoes|contato)",
        r"(?:par[ea]m?|deix[ea]m?|cheg[ae]) de (?:me )?(?:envi\w+|mand\w+|ligar|escrev\w+|incomod\w+|mensag\w+|perturb\w+)",
        r"(?:me )?(?:tir|remov|retir|exclu|descadastr)\w+(?:me)? (?:da|desta|dessa|de sua|meu numero|este numero)",
        r"me (?:descadastr|remov|tir|exclu)\w+", r"(?:sair|quero sair|remover meu nome) d(?:a|esta|essa) lista",
        r"(?:chega de|sem mais|nao mais) mensage\w+", r"(?:cancelar|cancele) (?:\w+ )?(?:mensagens|inscricao|sms)",
        r"me deix\w+ em paz",
    ),
    _rule(
        "ambiguous", "en", "annoyed, but does not say what to do",
        r"(?:^|\| )?not interested(?: \||$)", r"(?:^|\| ?)no (?:thanks|thank|thx|ty)\b", r"^no (?:thanks|thank|thx|ty)",
        r"(?:how|where) (?:did|do|have) (?:you|u|yall)(?: guys| people)? (?:get|got|find|have|obtain)\w* (?:my|this)",
        r"who gave (?:you|u|yall)", r"why (?:are|r|do|did|am|would) (?:you|u|yall|i)(?: keep| guys| still)* (?:te?xting|"
        r"messag\w+|contact\w+|get\w*|receiv\w*|send\w*|on this|spam\w*|calling|text|message)",
        r"(?:wrong|incorrect) (?:number|person|phone)", r"(?:this is|im|i am|its) not (?!sure|going|able|coming|here|in|feeling"
        r"|free|available|too|really|ready|bad|a |the |that|working|my|it|at|home|well|interested in the)[a-z]+(?: \||$)",
        r"(?:you|u) (?:have|got) (?:the )?wrong", r"never (?:signed|subscribed|opted|gave|asked|consented|agreed)",
        r"(?:didnt|did not|dont remember|dont recall|not) (?:sign\w*|subscrib\w*|opt\w*|ask\w*|consent\w*|agree\w*|"
        r"request\w*) (?:up|for|to|in)?",
        r"(?:this|that|it|you|u|yall) (?:is|are|r|feels|looks|s) (?:like )?(?:spam|a scam|scam|harass\w+|annoying|spamming|"
        r"illegal|unsolicited|creepy)",
        r"\b(?:spam|scam|harassment|harassing|spammers?|scammers?)\b", r"report(?:ed|ing)? (?:you|this|as|u)\b",
        r"(?:too|so|that|this) many (?:\w+ )?(?:te?xts|messages|msgs|emails|alerts)",
        r"(?:sick|tired|fed up|annoyed|enough) (?:of|with|by) (?:\w+ )?(?:\w+ )?(?:te?xts|messages|spam|alerts|emails|this)",
        r"(?:attorney|lawyer|lawsuit|sue you|tcpa|fcc|legal action)\b", r"(?:passed away|deceased|is dead|died)\b",
        r"(?:you|u|they|yall) (?:wont|never|dont|cant) (?:ever )?stop", r"^(?:\w+ )?(?:pause|mute|snooze) (?:these|my|the|your|"
        r"all)? ?(?:te?xts|messages|alerts|for)", r"(?:blocked|blocking) (?:you|this|u)\b",
        r"\bunsub\w*", r"\bopt(?:ed|ing)? ?out\b", r"cancel (?:my |the |this )?subscription", r"delete my account",
        r"(?:dont|do not|dnt) (?:call|contact|te?xt|message|send|email)\b(?! (?:and|or|while|the|a|him|her|them|it))",
        r"^(?!did |does |do |when |where |is |are |we |it |they )(?:\w+ ){0,2}stop(?: \w+){0,2}$", r"^stop it\b", r"^stop \|",
        r"(?:^|\| )(?:go away|shut up|bug off|get a life|buzz off)", r"(?:^|\| )(?:bye|goodbye)(?: \||$)",
        r"do i know (?:you|u)", r"i dont know (?:you|who (?:you|this))",
    ),
    _rule(
        "ambiguous", "es", "no esta claro si es de todos los mensajes",
        r"no gracias", r"no (?:me|nos) interesa", r"numero equivocado", r"(?:de donde|como|quien) (?:sac\w+|consig\w+|obtu\w+|"
        r"tien\w+|les? dio|te dio)(?: \w+){0,2}? (?:mi )?numero", r"(?:esto es|es) (?:spam|acoso|estafa)", r"no soy \w+(?: \||$)",
        r"demasiados (?:mensajes|textos)", r"nunca me (?:suscribi|registre|inscribi)",
    ),
    _rule(
        "ambiguous", "fr", "pas clair si tous les messages sont vises",
        r"non merci", r"pas interesse\w*", r"(?:mauvais|faux) numero", r"(?:dou|comment|ou) avez vous (?:eu|obtenu|trouve) mon",
        r"(?:cest|ceci est) (?:du )?(?:spam|harcelement|une arnaque)", r"trop de (?:messages|sms|mails)",
        r"jamais (?:inscrit\w*|abonne\w*|demande)",
    ),
    _rule(
        "ambiguous", "pt", "nao esta claro se vale para todas as mensagens",
        r"nao obrigad\w", r"nao (?:tenho interesse|me interessa)", r"numero errado", r"isso e spam",
    ),
    _rule(
        "opt_in", "en", "asks to be written to again",
        r"^(?:please |pls |ok |yes |hi |hey |can you |could you |i want to |id like to |i would like to )*(?:sign|add|put|opt|"
        r"turn|get) (?:me |us |these |them |it )?back (?:up|in|on)\b(?: to| the| your| this| list| texts| messages| again| "
        r"please| for| alerts| text| pls| now| thanks)*$",
        r"^(?:please |pls |ok |yes |hi |hey )*(?:re ?subscribe|subscribe|re ?start|start|resume) (?:me|my|the|your|sending|"
        r"texting|these)?(?: me)?(?: texts| messages| alerts| text alerts| subscription| again| back| up| please| pls| "
        r"thanks)+$",
        r"^(?:please |pls |ok |yes )*(?:i (?:want|would like|wish)|id like) to (?:re ?subscribe|opt (?:back )?in|start "
        r"(?:getting|receiving) (?:\w+ )?(?:texts|messages) again)(?: again| please)*$",
        r"^(?:please |pls )*opt me (?:back )?in(?: again| please)*$", r"^(?:please |pls )*resubscribe me(?: please)*$",
        r"^(?:please |pls )*subscribe me(?: please)*$", r"^(?:please |pls )*start (?:texting|messaging|sending) (?:me )?again"
        r"(?: please)*$",
        r"^(?:por favor )?(?:suscribanme|inscribanme|denme de alta|quiero (?:suscribirme|volver a recibir mensajes))"
        r"(?: de nuevo| otra vez| por favor)*$",
        r"^(?:reabonnez moi|reinscrivez moi|abonnez moi|je (?:veux|souhaite) me reabonner)(?: svp| sil vous plait)*$",
    ),
    _rule(
        "opt_in", "en", "agrees to be written to, as was asked",
        r"^(?:yes|yeah|yep|sure|si|oui|sim|y)(?: \|| please| yes| sign me up| subscribe me| i agree| i do|"
        r" thanks| por favor| claro| bien sur| count me in| text me| go ahead)*$", r"^sign me up(?: please)*$",
        needs_question=True,
    ),
    _rule(
        "help", "en", "asks who writes, or about what",
        r"^(?:hi |hey |hello |sorry |um |ok )*(?:\| )?(?:new phone \| |new phone )?(?:whos|who is|whose|who s|who|whos dis|"
        r"who are|what is|whats|what are|wats|which company is|what company is|what business is)"
        r"(?: this| dis| that| these| it| you| u| texting| messaging| number| the| me| sender| business| company| from|"
        r" about| guys| texts| messages| for| please| is| writing| contacting)+(?: \||$)",
        r"^(?:help|i need help|need help|can you help|please help)(?: me| please)*$",
        r"^(?:quien es|quien eres|quienes son|quien me escribe|de quien es este numero|que es esto|de que se trata)"
        r"(?: esto| este| ustedes)*(?: \||$)",
        r"^(?:qui est ce|cest qui|qui etes vous|qui es tu|qui est la|cest quoi|de quoi sagit il|a quoi ca correspond)"
        r"(?: svp| ca)*(?: \||$)",
        r"^(?:quem e|quem esta falando|o que e isso)(?: voce)*(?: \||$)",
    ),
)
"""Every way of saying it, in the order in which kinds are asked for; within a kind the first that fits."""
