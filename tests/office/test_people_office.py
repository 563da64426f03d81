"""Who works here, and who may sign in."""

from __future__ import annotations

import pytest

from distributor.core.people import Person, Role
from distributor.core.refusal import Refused
from distributor.office.people import INVITATION_LASTS
from distributor.office.signin import LINK_LASTS, SESSION_LASTS
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, PressOffice, refusal

NEW = 900


async def test_f28_an_invitation_works_once_and_the_second_use_tells_who_issued_it(office: PressOffice) -> None:
    people, boss = office.office.people, office.people[ADMINISTRATOR]
    invitation = await people.invite(Role.EDITOR, boss, "მარიამი")
    joined = await people.join(invitation.token, NEW, "ignored")
    assert (joined.person.role, joined.person.name, joined.issuer_id) == (Role.EDITOR, "მარიამი", boss.id)
    with pytest.raises(Refused) as caught:
        await people.join(invitation.token, NEW + 1, "thief")
    assert (caught.value.code, caught.value.params["issuer"]) == ("invitation_used", str(boss.id))
    assert await people.by_telegram(NEW + 1) is None
    (event,) = await office.log("invitation.refused")
    assert event.data == {"telegram_id": NEW + 1, "code": "invitation_used"}


async def test_f28_an_invitation_expires(office: PressOffice) -> None:
    invitation = await office.office.people.invite(Role.AUTHOR, None)
    office.now = invitation.expires
    assert await refusal(office.office.people.join(invitation.token, NEW, "late")) == "invitation_expired"
    assert await refusal(office.office.people.join("i_forged", NEW, "x")) == "invitation_unknown"
    assert INVITATION_LASTS.days == 2


async def test_the_database_keeps_no_token(office: PressOffice) -> None:
    invitation = await office.office.people.invite(Role.AUTHOR, None)
    link = await office.office.signin.link(office.people[EDITOR])
    _, session = await office.office.signin.enter(link.partition("token=")[2])
    if office.database.sqlite:
        stored = b"".join(path.read_bytes() for path in office.folder.glob("test.db*"))
        assert invitation.token.encode() not in stored
        assert session.encode() not in stored
        assert link.partition("token=")[2].encode() not in stored
    assert all(invitation.token not in str(event) and session not in str(event) for event in await office.log())


async def test_a_role_changes_only_with_its_event_and_joining_again_changes_it(office: PressOffice) -> None:
    people, boss = office.office.people, office.people[ADMINISTRATOR]
    await people.set_role(office.people[EDITOR].id, Role.NONE, boss)
    (event,) = await office.log("person.role")
    assert (event.actor, event.data) == (f"person:{boss.id}", {"before": "editor", "after": "none"})
    again = await people.invite(Role.AUTHOR, boss)
    await people.join(again.token, EDITOR, "x")
    found = await people.by_telegram(EDITOR)
    assert found == Person(office.people[EDITOR].id, "editor", Role.AUTHOR, EDITOR, "ka")
    assert len(await people.everyone()) == 3


async def test_only_an_administrator_invites_and_changes_roles(office: PressOffice) -> None:
    people = office.office.people
    for who in (AUTHOR, EDITOR):
        assert await refusal(people.invite(Role.EDITOR, office.people[who])) == "not_administrator"
        assert await refusal(people.set_role(1, Role.EDITOR, office.people[who])) == "not_administrator"
    assert await refusal(people.invite(Role.NONE, None)) == "unknown_role"
    assert await refusal(people.set_role(9999, Role.EDITOR, None)) == "unknown_person"


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\u202eevil", "nul\x00"])
async def test_f34_a_name_with_a_line_break_or_without_letters_is_refused(office: PressOffice, name: str) -> None:
    invitation = await office.office.people.invite(Role.AUTHOR, None)
    assert await refusal(office.office.people.join(invitation.token, NEW, name)) == "bad_name"
    joined = await office.office.people.join(invitation.token, NEW, "Fine")
    assert joined.person.name == "Fine", "a refused name does not use the invitation up"


async def test_a_sign_in_link_works_once_and_for_ten_minutes(office: PressOffice) -> None:
    signin, editor = office.office.signin, office.people[EDITOR]
    link = await signin.link(editor)
    assert link.startswith("https://press.example/admin/enter?token=")
    token = link.partition("token=")[2]
    person, session = await signin.enter(token)
    assert person.id == editor.id
    assert await signin.who(session) == editor
    assert await refusal(signin.enter(token)) == "signin_invalid"
    late = (await signin.link(editor)).partition("token=")[2]
    office.now += LINK_LASTS
    assert await refusal(signin.enter(late)) == "signin_invalid"
    assert len(await office.log("signin.refused")) == 2


async def test_a_session_ends_by_leaving_by_time_and_with_the_role(office: PressOffice) -> None:
    signin, editor = office.office.signin, office.people[EDITOR]

    async def session() -> str:
        return (await signin.enter((await signin.link(editor)).partition("token=")[2]))[1]

    first = await session()
    await signin.leave(first)
    assert await signin.who(first) is None
    second = await session()
    office.now += SESSION_LASTS
    assert await signin.who(second) is None
    third = await session()
    link = (await signin.link(editor)).partition("token=")[2]
    await office.office.people.set_role(editor.id, Role.AUTHOR, None)
    assert await signin.who(third) is None
    assert await refusal(signin.enter(link)) == "signin_invalid"
    assert await refusal(signin.link(office.people[AUTHOR])) == "not_editor"
    assert await signin.who("") is None


async def test_a_language_is_one_that_the_bot_speaks(office: PressOffice) -> None:
    await office.office.people.set_language(office.people[EDITOR], "en")
    found = await office.office.people.by_telegram(EDITOR)
    assert found is not None
    assert found.language == "en"
    assert await refusal(office.office.people.set_language(office.people[EDITOR], "xx")) == "unknown_language"
