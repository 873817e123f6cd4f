"""The worklist page: order, filters, claims, paging, and news on an open page."""

import base64
import html
import re
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dermaclinic.accounts import clinic_settings
from dermaclinic.rest import pagination
from reports.models import Claim
from reports.services.claims import claim_study
from reports.views import worklist as view
from tests import factories
from tests.pages.conftest import UNATTENDED, browser
from tests.reports import scenes
from tests.reports.test_claims import lapse

pytestmark = pytest.mark.django_db
WORKLIST = "reports:worklist"


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


@pytest.fixture
def unblinded(administrator: Any) -> None:
    """A clinic in which doctors see the opinion first."""
    clinic_settings.change(actor=administrator, number=0, blinded_first=False)


def shown(response: Any) -> list[Any]:
    return [row.study for row in response.context["rows"]]


def test_without_an_opinion_first_then_urgent_then_routine(doctors: Client, doctor: Any) -> None:
    calm, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    urgent, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, malignant=0.82, triage="urgent")
    without, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, status="declined")
    response = doctors.get(reverse(WORKLIST))
    assert shown(response) == [without, urgent, calm]
    page = response.content.decode()
    assert page.index("No opinion") < page.index("Urgent") < page.index("Routine")
    assert "opinion declined" in page
    assert reverse("reports:review", args=[urgent.pk]) in page
    assert scenes.events(doctor, "worklist.viewed") == 1


def test_blinded_first_a_row_says_urgent_or_routine_and_nothing_else(
    doctors: Client, doctor: Any
) -> None:
    for malignant, triage in ((0.8125, "urgent"), (0.0625, "routine")):
        _study, _lesions, [picture] = scenes.visit(doctor)
        scenes.finish(doctor, picture, malignant=malignant, triage=triage, first={"mel": malignant})
    response = doctors.get(reverse(WORKLIST))
    page = response.content.decode()
    rows = page[page.index('<ol class="worklist">') : page.index("</ol>")]
    words = html.unescape(re.sub(r"<[^>]*>", " ", rows)).lower()
    assert ("urgent" in words, "routine" in words) == (True, True)
    assert not re.search(
        r"%|melan|malign|nev|81|82|06", re.sub(r"mrn\s+t-\d+|number \d+", "", words)
    )
    live = response.context["poll"].replace("mark=", "mark=old")
    assert "%" not in re.sub(r"<[^>]*>", " ", doctors.get(live).content.decode())


@pytest.mark.usefixtures("unblinded")
def test_where_a_clinic_does_not_blind_the_share_is_shown(doctors: Client, doctor: Any) -> None:
    _study, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, malignant=0.82, triage="urgent")
    assert "malignant: 82\N{NO-BREAK SPACE}%" in doctors.get(reverse(WORKLIST)).content.decode()


def test_nobody_waits(doctors: Client) -> None:
    assert b"Nobody is waiting" in doctors.get(reverse(WORKLIST)).content
    assert b"claimed no visit" in doctors.get(reverse(WORKLIST), {"which": "mine"}).content


def test_each_doctor_sees_who_has_claimed_what(doctors: Client, doctor: Any, clinic: Any) -> None:
    mine, *_rest = scenes.visit(doctor)
    free, *_rest = scenes.visit(doctor)
    taken, *_rest = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    claim_study(actor=other, study_id=taken.pk)
    doctors.post(reverse("reports:claim", args=[mine.pk]))
    page = doctors.get(reverse(WORKLIST)).content.decode()
    assert "Yours until" in page
    assert f"{other.name} until" in page
    assert shown(doctors.get(reverse(WORKLIST), {"which": "mine"})) == [mine]
    assert shown(doctors.get(reverse(WORKLIST), {"which": "unclaimed"})) == [free]
    assert len(shown(doctors.get(reverse(WORKLIST), {"which": "no-such-part"}))) == 3


def test_claim_and_release_lead_back_to_where_they_came_from(doctors: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    target = reverse("reports:review", args=[study.pk])
    response = doctors.post(reverse("reports:claim", args=[study.pk]), {"next": target})
    assert response.url == target
    assert scenes.count(doctor, Claim, study=study, doctor=doctor.user) == 1
    response = doctors.post(
        reverse("reports:release", args=[study.pk]), {"next": "https://elsewhere.example/"}
    )
    assert response.url == reverse(WORKLIST), "never to another site"
    assert scenes.count(doctor, Claim) == 0


def test_another_doctors_claim_stands(doctors: Client, doctor: Any, clinic: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    claim_study(actor=other, study_id=study.pk)
    for name in ("reports:claim", "reports:release"):
        response = doctors.post(reverse(name, args=[study.pk]), follow=True)
        assert f"{other.name} is reading this visit" in response.content.decode()
    assert scenes.count(doctor, Claim, doctor=other.user) == 1


def test_pages_follow_each_other(
    doctors: Client, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "PAGE", 2)
    studies = [scenes.visit(doctor)[0] for _ in range(3)]
    first = doctors.get(reverse(WORKLIST))
    second = doctors.get(first.context["next"])
    assert shown(first) + shown(second) == studies
    assert second.context["next"] == ""
    assert second.context["first"] == reverse(WORKLIST)


@pytest.mark.usefixtures("unblinded")
def test_no_address_tells_the_probability(
    doctors: Client, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "PAGE", 1)
    for malignant in (0.8125, 0.4375):
        _study, _lesions, [picture] = scenes.visit(doctor)
        scenes.finish(doctor, picture, malignant=malignant)
    first = doctors.get(reverse(WORKLIST))
    key = first.context["rows"][0].key
    assert key.startswith("30187500"), "its place holds the probability"
    second = doctors.get(first.context["next"])
    [after] = parse_qs(urlsplit(first.context["next"]).query)["after"]
    said = {after, base64.urlsafe_b64decode(after).decode("latin-1")}
    told = [first.context["next"], second.context["poll"], second.context["here"], *said]
    for text in told:
        assert "0187500" not in text
        assert str(second.context["rows"][0].key)[1:8] not in text
    assert pagination.place(after) == key


@pytest.mark.parametrize("after", ["\0", "30900000", "é", "x" * 3000, "\x1f", "gAAAAA=="])
def test_a_place_that_we_did_not_say_is_the_top(doctors: Client, doctor: Any, after: str) -> None:
    study, *_rest = scenes.visit(doctor)
    response = doctors.get(reverse(WORKLIST), {"after": after})
    assert (response.status_code, shown(response)) == (200, [study])
    assert response.context["first"] == ""
    live = doctors.get(reverse("reports:worklist-live"), {"after": after, "shown": str(study.pk)})
    assert live.context["here"] == reverse(WORKLIST)


def test_the_number_of_queries_does_not_grow(doctors: Client, doctor: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            doctors.get(reverse(WORKLIST), headers=UNATTENDED)
        return len(captured)

    _study, _lesions, pictures = scenes.visit(doctor)
    scenes.finish(doctor, pictures[0])
    few = queries()
    for _ in range(3):
        _study, _lesions, pictures = scenes.visit(doctor, lesions=2)
        scenes.finish(doctor, pictures[0])
    assert queries() == few


def test_an_open_page_asks_for_news_and_more_often_while_an_opinion_is_coming(
    doctors: Client, doctor: Any
) -> None:
    _study, _lesions, [picture] = scenes.visit(doctor)
    page = doctors.get(reverse(WORKLIST))
    assert b'hx-trigger="every 3s"' in page.content
    poll = page.context["poll"]
    assert doctors.get(poll).status_code == 204
    looks = scenes.events(doctor, "worklist.viewed")
    scenes.finish(doctor, picture, malignant=0.6, triage="urgent")
    news = doctors.get(poll)
    assert news.status_code == 200
    assert b"Urgent" in news.content
    assert b'hx-trigger="every 10s"' in news.content
    assert scenes.events(doctor, "worklist.viewed") == looks + 1
    assert doctors.get(news.context["poll"]).status_code == 204
    assert scenes.events(doctor, "worklist.viewed") == looks + 1


def test_news_say_when_the_order_has_changed_or_a_visit_is_done(
    doctors: Client, doctor: Any
) -> None:
    first, [lesion], _images = scenes.visit(doctor)
    _second, _lesions, [picture] = scenes.visit(doctor)
    poll = doctors.get(reverse(WORKLIST)).context["poll"]
    scenes.finish(doctor, picture, status="failed")
    assert b"order has changed" in doctors.get(poll).content
    scenes.assess(doctor, first, lesion)
    news = doctors.get(poll).content.decode()
    assert "Assessed meanwhile" in news
    assert f"#urgency-{first.pk}" in news


def test_new_visits_are_counted_and_not_shown_until_wanted(doctors: Client, doctor: Any) -> None:
    scenes.visit(doctor)
    poll = doctors.get(reverse(WORKLIST)).context["poll"]
    new = [scenes.visit(doctor)[0] for _ in range(2)]
    news = doctors.get(poll)
    page = news.content.decode()
    assert "2 new visits." in page
    assert "Show them" in page
    assert not any(str(study.pk) in page for study in new)
    assert doctors.get(news.context["poll"]).status_code == 204
    assert shown(doctors.get(reverse(WORKLIST)))[1:] == new


def test_new_visits_below_a_page_that_goes_on_are_not_its_news(
    doctors: Client, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "PAGE", 2)
    for _ in range(3):
        scenes.visit(doctor)
    poll = doctors.get(reverse(WORKLIST)).context["poll"]
    scenes.visit(doctor)
    assert doctors.get(poll).status_code == 204
    _study, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, status="failed")  # to the top
    assert "1 new visit." in doctors.get(poll).content.decode()


def test_another_doctors_claim_is_news_and_so_is_its_end(
    doctors: Client, doctor: Any, clinic: Any
) -> None:
    study, *_rest = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    poll = doctors.get(reverse(WORKLIST)).context["poll"]
    claim_study(actor=other, study_id=study.pk)
    news = doctors.get(poll)
    assert f"{other.name} until" in news.content.decode()
    lapse(doctor)
    page = doctors.get(news.context["poll"]).content.decode()
    assert other.name not in page
    assert "Only claim" in page


def test_a_claim_in_an_open_page_changes_its_cells_alone_and_can_be_undone(
    doctors: Client, doctor: Any
) -> None:
    study, *_rest = scenes.visit(doctor)
    in_place = {"HX-Request": "true"}
    taken = doctors.post(reverse("reports:claim", args=[study.pk]), headers=in_place)
    page = taken.content.decode()
    assert "<html" not in page
    assert f"#claim-{study.pk}" in page
    assert "The visit is yours until" in page
    way_back = reverse("reports:release", args=[study.pk])
    assert f'action="{way_back}"' in page
    assert scenes.count(doctor, Claim) == 1
    given = doctors.post(way_back, headers=in_place).content.decode()
    assert scenes.count(doctor, Claim) == 0
    assert f'action="{reverse("reports:claim", args=[study.pk])}"' in given


def test_a_claim_that_came_too_late_says_whose_it_is(
    doctors: Client, doctor: Any, clinic: Any
) -> None:
    study, *_rest = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    claim_study(actor=other, study_id=study.pk)
    late = doctors.post(
        reverse("reports:claim", args=[study.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert f"{other.name} is reading this visit" in late
    assert "Undo" not in late
    assert "data-taken" in late
    assert scenes.count(doctor, Claim, doctor=other.user) == 1


def test_released_from_a_page_there_is_a_way_back(doctors: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    claim_study(actor=doctor, study_id=study.pk)
    page = doctors.post(reverse("reports:release", args=[study.pk]), follow=True).content.decode()
    assert "The visit is free for others again." in page
    assert re.search(
        rf'data-undo.*?action="{reverse("reports:claim", args=[study.pk])}"', page, re.S
    )


def test_news_of_another_clinics_visit_are_not_told(
    strangers: Client, doctor: Any, stranger: Any
) -> None:
    study, *_rest = scenes.visit(doctor)
    poll = reverse("reports:worklist-live")
    response = strangers.get(poll, {"shown": f"{study.pk},nonsense", "mark": "old"})
    assert response.context["rows"] == []
    assert shown(strangers.get(reverse(WORKLIST))) == []


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_for_doctors_only(clinic: Any, doctor: Any, role: str) -> None:
    study, *_rest = scenes.visit(doctor)
    other = browser(factories.actor(clinic, role))
    assert other.get(reverse(WORKLIST)).status_code == 403
    assert other.get(reverse("reports:worklist-live")).status_code == 403
    assert other.post(reverse("reports:claim", args=[study.pk])).status_code == 403
    assert other.post(reverse("reports:next")).status_code == 403
    assert other.get(reverse("reports:ahead")).status_code == 403
    assert scenes.count(doctor, Claim) == 0


def test_another_clinics_visit_is_not_there(strangers: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    for pk in (study.pk, uuid.uuid4()):
        assert strangers.post(reverse("reports:claim", args=[pk])).status_code == 404
    assert scenes.count(doctor, Claim) == 0


def test_nobody_without_signing_in(client: Client) -> None:
    assert client.get(reverse(WORKLIST)).url.startswith(reverse("sign-in"))
