"""Sample releases and an emergency template, with photos and a short video that the project draws itself.

Pure but for drawing. Names, places and events are invented.
"""

from __future__ import annotations

from distributor.core.gaps import Gap, GapType
from distributor.core.template import Template, Wording
from distributor.media.samples import sample_photos, sample_video
from distributor.sandbox import Sample

RESCUE = """მაშველებმა მთაში დაკარგული ორი ტურისტი იპოვეს

სამძებრო-სამაშველო სამუშაოები მთელი ღამე გრძელდებოდა; ორივე ტურისტი უვნებელია.

საგანგებო სიტუაციების მართვის სამსახურის მაშველებმა დღეს დილით, მცხეთა-მთიანეთის რეგიონში, დაკარგული ორი ტურისტი იპოვეს.

მოძიებული პირები უსაფრთხო ადგილზე გადაიყვანეს და ექიმებმა შეამოწმეს. მათი ჯანმრთელობის მდგომარეობა დამაკმაყოფილებელია.

სამინისტრო მოუწოდებს მოქალაქეებს, მთაში გასვლამდე გაითვალისწინონ ამინდის პროგნოზი და დარეგისტრირდნენ ნომერზე 112."""

ROADS = """New speed cameras on the Tbilisi ring road from Monday

Twelve cameras begin to work at midnight; the limits themselves stay as they are.

The Patrol Police Department puts twelve new speed cameras into service on the Tbilisi ring road.

For the first week drivers receive a warning instead of a fine. All places are listed on the ministry's map."""

BRIEFING = """ბრიფინგი საგზაო უსაფრთხოების საკითხებზე

ბრიფინგი გაიმართება ხუთშაბათს, 12:00 საათზე, სამინისტროს პრესცენტრში.

ბრიფინგზე წარმოდგენილი იქნება ბოლო სამი თვის სტატისტიკა. ჟურნალისტების რეგისტრაცია საჭირო არ არის."""

VIDEO = """საპატრულო პოლიციის ახალი ავტომობილები რეგიონებს გადაეცა

ოცი ახალი ავტომობილი ექვს რეგიონში განაწილდება.

ავტომობილები აღჭურვილია თანამედროვე საკომუნიკაციო საშუალებებით. ვიდეოში ნაჩვენებია გადაცემის ცერემონია."""


FLOOD = Template(
    "flood",
    (
        Wording(
            "ka",
            "წყალდიდობა: {place}",
            "წყალდიდობა",
            "სასწრაფოდ დატოვეთ მდინარის სანაპირო: {place}.",
            "რეგიონი: {region}. გაფრთხილება მოქმედებს {until}-მდე.\n\nგადადით მაღლობზე. საგანგებო ნომერი: 112.",
        ),
    ),
    (
        Gap("place", GapType.LINE, {"ka": "სად?", "en": "Where?"}, limit=60),
        Gap("region", GapType.REGION, {"ka": "რომელი რეგიონი?", "en": "Which region?"}),
        Gap("until", GapType.TIME, {"ka": "როდემდე?", "en": "Until when?"}),
    ),
    expires="until",
)
"""An emergency's text that the demo's people have approved beforehand; /emergency fills it in."""


def samples() -> list[Sample]:
    """Messages as an author would send them: first line title, then lead, then body; with their files."""
    photos = sample_photos(4)
    return [
        Sample("მაშველები · 3 ფოტო", RESCUE, photos[:3]),
        Sample("Speed cameras · 1 photo", ROADS, photos[3:]),
        Sample("ბრიფინგი · ტექსტი", BRIEFING),
        Sample("ავტომობილები · ვიდეო", VIDEO, [sample_video()]),
    ]
