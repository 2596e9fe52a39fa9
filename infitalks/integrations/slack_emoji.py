"""Slack's names of emoji as the emoji. Most are Unicode's own names; here are those in use that are not."""

import unicodedata

from infitalks.schemas.base import fitting
from infitalks.schemas.messages import Emoji

_TABLE = """
+1=👍 thumbsup=👍 -1=👎 thumbsdown=👎 heart=❤️ tada=🎉 joy=😂 smile=😄 smiley=😃 grinning=😀 grin=😁 laughing=😆
satisfied=😆 sweat_smile=😅 rolling_on_the_floor_laughing=🤣 simple_smile=🙂 wink=😉 blush=😊 heart_eyes=😍
kissing_heart=😘 stuck_out_tongue=😛 stuck_out_tongue_winking_eye=😜 sunglasses=😎 thinking=🤔 confused=😕
disappointed=😞 cry=😢 sob=😭 scream=😱 rage=😡 angry=😠 flushed=😳 innocent=😇 shrug=🤷 facepalm=🤦 face_palm=🤦
man-shrugging=🤷‍♂️ woman-shrugging=🤷‍♀️ man-facepalming=🤦‍♂️ woman-facepalming=🤦‍♀️ raised_hands=🙌 clap=👏 pray=🙏
wave=👋 ok_hand=👌 muscle=💪 point_up=☝️ point_up_2=👆 point_down=👇 point_left=👈 point_right=👉 v=✌️
crossed_fingers=🤞 hand_with_index_and_middle_fingers_crossed=🤞 fist=✊ facepunch=👊 punch=👊 raised_hand=✋ hand=✋
100=💯 star=⭐ star2=🌟 zap=⚡ boom=💥 collision=💥 bulb=💡 pencil=📝 white_check_mark=✅ x=❌ warning=⚠️ question=❓
exclamation=❗ heavy_exclamation_mark=❗ grey_question=❔ bangbang=‼️ arrow_up=⬆️ arrow_down=⬇️ arrow_left=⬅️
arrow_right=➡️ coffee=☕ beer=🍺 beers=🍻 pizza=🍕 cake=🍰 birthday=🎂 gift=🎁 medal=🏅 sports_medal=🏅 unlock=🔓 link=🔗
mag=🔍 date=📅 robot_face=🤖 poop=💩 hankey=💩 see_no_evil=🙈 hear_no_evil=🙉 speak_no_evil=🙊 dog=🐶 cat=🐱 unicorn=🦄
partying_face=🥳 exploding_head=🤯 star-struck=🤩 pleading_face=🥺 smirk=😏 relieved=😌 sleeping=😴 mask=😷 sunny=☀️
mega=📣 loudspeaker=📢 email=📧 e-mail=📧 phone=☎️ computer=💻 iphone=📱 gear=⚙️ moneybag=💰 dollar=💵 recycle=♻️
information_source=ℹ️ red_circle=🔴 bow=🙇 sweat=😓 cold_sweat=😰 weary=😩 triumph=😤 yum=😋 zany_face=🤪
shushing_face=🤫 open_mouth=😮 astonished=😲 hushed=😯 worried=😟 fearful=😨 grimacing=😬 relaxed=☺️ ship=🚢 art=🎨
one=1️⃣ two=2️⃣ three=3️⃣ four=4️⃣ five=5️⃣ six=6️⃣ seven=7️⃣ eight=8️⃣ nine=9️⃣ zero=0️⃣ sheep=🐑 bee=🐝 house=🏠 car=🚗
"""
_OWN = dict(pair.split("=") for pair in _TABLE.split())


def read_emoji(name: str) -> str | None:
    """The emoji of this name, `+1` or `wave::skin-tone-3` say; None for one of a workspace's own."""
    base, _, tone = name.partition("::skin-tone-")
    emoji = _OWN.get(base) or fitting(Emoji, _by_unicode_name(base))
    if emoji and tone in ("2", "3", "4", "5", "6"):
        return fitting(Emoji, emoji.removesuffix("\ufe0f") + chr(0x1F3FB - 2 + int(tone)))
    return emoji


def _by_unicode_name(name: str) -> str | None:
    try:
        return unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return None
