"""WordPress: what visitors of the sandbox's site see of a release, of its correction and of its withdrawal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import ValidationError

from distributor.adapters.wordpress import WordPressSettings
from distributor.core.channel import Action
from distributor.core.outcome import Receipt, Rejected, Sent
from distributor.core.release import Notice, Status
from tests.adapters.support import LEAD, TITLE, Recorder
from tests.adapters.wordpress_stage import SLUG, Stage, follow, on_stage, settings_for, standing


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


async def test_a_release_is_prepared_unseen_and_then_published(stage: Stage) -> None:
    job, progress = await stage.job(await stage.desk.release(photo_count=2, videos=1)), Recorder()
    assert await stage.channel.prepare(job, progress) is None
    assert stage.site.standing() == []
    assert (await stage.seen(f"{stage.site.url}/{SLUG}/"))[0] == 404
    done = await stage.channel.publish(job, progress)
    assert isinstance(done, Sent)
    post = stage.post
    assert done.receipt.links == (f"{stage.site.url}/{SLUG}/",)
    assert done.receipt.remote_ids == tuple(map(str, (post.id, *stage.site.media)))
    status, page = await stage.seen(done.receipt.links[0])
    assert status == 200
    for words in (
        TITLE,
        LEAD,
        "<strong>ოთხი</strong>",
        "წარწერა 2 · შსს / ნ. ბერიძე",
        'alt="აღწერა 2"',
        "<video controls",
    ):
        assert words in page
    assert post.excerpt == LEAD
    # The first photo is the post's own picture and does not stand in the text a second time.
    first, second, film = stage.site.media.values()
    assert post.featured_media == first.id
    assert [address.rpartition("/")[2] for address in stage.pictures()] == [second.name, film.name]
    assert [(one.alt_text, one.caption) for one in (first, second)] == [
        ("აღწერა 1", "წარწერა 1 · შსს / ნ. ბერიძე"), ("აღწერა 2", "წარწერა 2 · შსს / ნ. ბერიძე"),
    ]  # fmt: skip
    assert first.file.sha256 == job.rendering.parts[0].media[0].rendition.digest
    for address in stage.pictures():
        assert (await stage.seen(address))[0] == 200


async def test_settings_decide_about_picture_and_terms(folder: Path) -> None:
    async with on_stage(folder, featured_image=False, categories=[3, 5], tags=[7]) as stage:
        await stage.published(await stage.desk.release(photo_count=1))
        assert (stage.post.featured_media, stage.post.categories, stage.post.tags) == (0, [3, 5], [7])
        assert len(stage.pictures()) == 1


async def test_twice_is_once(stage: Stage) -> None:
    job, progress = await stage.job(await stage.desk.release(photo_count=1)), Recorder()
    first = await stage.bring(job, progress)
    assert await stage.bring(job, progress) == first
    assert await stage.bring(job) == first  # even where nothing was kept: found by what stands there
    assert (len(stage.site.posts), len(stage.site.media)) == (1, 1)
    assert len(stage.sandbox.effects("wordpress", kind="post")) == 1


async def test_a_post_without_files_needs_no_preparing(stage: Stage) -> None:
    """The engine commits the intent and goes straight to the publishing call."""
    job, progress = await stage.job(await stage.desk.release()), Recorder()
    assert not job.rendering.needs_preparing
    assert isinstance(await stage.channel.publish(job, progress), Sent)
    assert len(stage.site.standing()) == 1


async def test_the_authors_words_stay_words(stage: Stage) -> None:
    title, body = (
        "A <b>bold</b> claim & more",
        "[gallery ids=1] and <script>alert(1)</script>\n\n<!-- distributor:x -->",
    )
    await stage.published(await stage.desk.release(title=title, lead="<i>lead</i>", body=body))
    assert stage.post.title == "A &lt;b&gt;bold&lt;/b&gt; claim &amp; more"
    assert "[gallery" not in stage.post.content
    assert "&#91;gallery ids=1&#93;" in stage.post.content
    assert "<script" not in stage.post.content
    assert "<i>" not in stage.post.content
    assert stage.post.content.count("<!-- distributor:") == 1


async def test_an_exercise_says_so(stage: Stage) -> None:
    await stage.published(await stage.desk.release(status=Status.EXERCISE))
    assert stage.post.title == f"[სწავლება] {TITLE}"


async def test_a_taken_slug_is_no_key(stage: Stage) -> None:
    """Another post has our slug: WordPress gives ours a number without a word. It is found again all the same."""
    stage.site.create_post({"title": "Somebody's", "content": "else", "slug": SLUG, "status": "publish"})
    job = await stage.job(await stage.desk.release())
    done = await stage.bring(job)
    assert isinstance(done, Sent)
    assert done.receipt.links == (f"{stage.site.url}/{SLUG}-2/",)
    assert await stage.bring(job) == done
    assert len(stage.site.posts) == 2


async def test_a_correction_stands_over_the_old_version_with_a_note_on_top(stage: Stage) -> None:
    revision = await stage.desk.release(photo_count=3)
    job, done = await stage.published(revision)
    address, old = done.receipt.links[0], list(stage.site.media.values())
    gone = revision.media[1].asset.digest
    notice = Notice(Action.CORRECT, {"ka": "<ფოტო> ამოღებულია"}, "internal words", (gone,))
    version = replace(revision.versions[0], title="ახალი სათაური")
    media = (replace(revision.media[0], alt={"ka": "ახალი აღწერა"}), revision.media[2])
    changed = replace(revision, number=2, versions=(version,), media=media, notice=notice)
    outcome = await stage.bring(await follow(stage, changed, standing(job, done.receipt)))
    assert isinstance(outcome, Sent)
    assert (outcome.receipt.links, outcome.receipt.remote_ids) == (
        (address,), (done.receipt.remote_ids[0], str(old[0].id), str(old[2].id)),
    )  # fmt: skip
    status, page = await stage.seen(address)
    assert status == 200
    assert page.index("შესწორება: &lt;ფოტო&gt; ამოღებულია") < page.index(LEAD)
    assert "ახალი სათაური" in page
    assert "internal words" not in page
    assert [one.alt_text for one in stage.site.media.values()] == ["ახალი აღწერა", "აღწერა 3"]
    assert (await stage.seen(f"{stage.site.url}/wp-content/uploads/{old[1].name}"))[0] == 404
    assert len(stage.sandbox.effects("wordpress", kind="media")) == 3  # what stood there was not brought again


async def test_a_correction_publishes_where_nothing_stands(stage: Stage) -> None:
    revision = replace(await stage.desk.release(), number=2, notice=Notice(Action.CORRECT, {"ka": "შეცდომა"}))
    assert isinstance(await stage.bring(await follow(stage, revision, None)), Sent)
    assert "შეცდომა" not in stage.post.content


async def test_a_correction_finds_the_post_of_which_there_is_no_receipt(stage: Stage) -> None:
    revision = await stage.desk.release()
    job, done = await stage.published(revision)
    changed = replace(revision, number=2, notice=Notice(Action.CORRECT))
    for receipt in (None, Receipt((), (), {"confirmed_by": "someone"})):
        outcome = await stage.bring(await follow(stage, changed, standing(job, receipt)))
        assert isinstance(outcome, Sent)
        assert outcome.receipt.remote_ids == done.receipt.remote_ids
    assert len(stage.site.posts) == 1
    assert "ეს მასალა შესწორდა." in stage.post.content


@pytest.mark.parametrize("force", [False, True])
async def test_a_post_that_somebody_took_down_is_not_put_up_again(stage: Stage, force: bool) -> None:
    revision = await stage.desk.release()
    job, done = await stage.published(revision)
    stage.site.delete_post(int(done.receipt.remote_ids[0]), force=force)
    changed = replace(revision, number=2, notice=Notice(Action.CORRECT))
    outcome = await stage.bring(await follow(stage, changed, standing(job, done.receipt)))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "post_gone"
    assert stage.site.standing() == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("keeps_trash", [True, False])
async def test_a_withdrawal_takes_post_and_files_down(stage: Stage, known: bool, keeps_trash: bool) -> None:
    stage.site.keeps_trash = keeps_trash
    revision = await stage.desk.release(photo_count=2)
    job, done = await stage.published(revision)
    addresses = [*done.receipt.links, *stage.pictures()]
    withdrawn = replace(revision, number=2, notice=Notice(Action.WITHDRAW, {"ka": "მცდარია"}))
    before = standing(job, done.receipt) if known else standing(job, None, doubt=True)
    told = await follow(stage, withdrawn, before)
    assert not told.rendering.needs_preparing
    outcome = await stage.bring(told)
    assert isinstance(outcome, Sent)
    assert outcome.receipt == Receipt((), detail={"taken_down": done.receipt.remote_ids[0]})
    for address in addresses:
        assert (await stage.seen(address))[0] == 404
    assert stage.site.media == {}
    # Once more has no effect, and where nothing stands there is nothing to do.
    count = len(stage.sandbox.effects("wordpress"))
    assert isinstance(await stage.bring(told), Sent)
    assert await stage.bring(replace(told, before=None)) == Sent(Receipt((), detail={"nothing": "stood there"}))
    assert len(stage.sandbox.effects("wordpress")) == count


def test_the_password_never_goes_in_the_clear(stage: Stage) -> None:
    for wrong in ("http://www.example.ge/wp-json", "www.example.ge", "https://user:word@example.ge/wp-json", ""):
        with pytest.raises(ValidationError) as error:
            settings_for(stage.sandbox, api_url=wrong)
        assert stage.sandbox.accounts.wordpress_password not in str(error.value)
    assert isinstance(settings_for(stage.sandbox, api_url="https://www.example.ge/wp-json/"), WordPressSettings)
