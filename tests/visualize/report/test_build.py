"""The report: one page that needs no other, and commands that redo its pictures."""

import base64
import functools
import html.parser
import importlib.metadata
import io
import itertools
import json
import os
import re
import shlex
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import visualize
from visualize.cli.console import once, say
from visualize.cli.main import main
from visualize.cli.options import check_options
from visualize.cli.run import report_request
from visualize.models.layers import card_of
from visualize.plotting.style import Drawing
from visualize.report import page
from visualize.report.alt_text import one_line, peak_position
from visualize.report.build import OVERFITTING, build_report
from visualize.report.command_text import compare_command, report_command, summary_command, trust_command
from visualize.report.model_facts import card_facts, history_file
from visualize.report.page import Page, Part, Picture
from visualize.report.request import ReportRequest

HOSTILE = "<script>alert(1)</script>\"'&\u202e"
FAST = ("--method", "saliency", "--method", "gradcam")


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="visualize")


class Read(html.parser.HTMLParser):
    """The page as a browser reads it: its tags, and the text of each."""

    VOID = ("meta", "img", "br", "link", "input", "source")

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.source = Path(path).read_text(encoding="utf-8")
        self.feed(self.source.replace("<wbr>", ""))  # where a name may break is no part of it
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open:
            self.texts.append((self.open[-1], " ".join(text.split())))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag):
        return [text for name, text in self.texts if name == tag and text]

    @property
    def commands(self):
        return [shlex.split(line) for line in self.text("code")]


def size_of(picture):
    with Image.open(picture) as opened:
        return opened.size


def reported(*arguments):
    result = run("report", *arguments)
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert all(path.is_file() for path in paths)
    assert paths[-1].name == "report.html"
    return Read(paths[-1]), paths, result.stderr


@pytest.fixture(scope="module")
def model(saved, tmp_path_factory):
    """A model of four classes with a card, and a history beside it; one of its names is hostile."""
    folder = tmp_path_factory.mktemp("carded")
    shutil.copy(saved("softmax"), folder / "model.keras")
    card = {"input_range": [0, 1], "class_names": ["cat", "dog", HOSTILE, "cow"], HOSTILE: HOSTILE}
    result = {"measure": "test accuracy", "measured": 0.75, "expected": 0.987654, "tolerance": 0.004}
    card["results"] = [{**result, "source": "original source", "holds": True, "n" * 90: "w" * 400}]
    card["k" * 200] = {"deep": ["v" * 300, None, True, 0.5]}
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "history.csv").write_text("epoch,loss,val_loss,seconds\n1,0.5,0.6,9\n2,0.25,0.4,9\n")
    return folder / "model.keras"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "so me<script>'.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12), "uint8")).save(path)
    return path


@pytest.fixture(scope="module")
def made(model, picture, tmp_path_factory):
    """One report, for the tests that only look at it."""
    out = tmp_path_factory.mktemp("report") / "a 'quoted' folder"
    return *reported(model, picture, *FAST, "--target", HOSTILE, "--out", out), out


def test_the_page_has_every_part(made):
    read, paths, _, out = made
    assert read.text("h1") == ["added: what it learned"]
    assert read.text("h2") == [
        "Contents", "What matters in the images", "How far to trust the maps",
        "The model", "The training", "Filters", "Maximized classes", "The commands",
    ]  # fmt: skip
    assert read.text("h3") == [f"so me<script>'.png: {one_line(HOSTILE)}".strip(), "What each method measures"]
    texts = [text for _, text in read.texts]
    for text in ("test accuracy", "0.75", "conv_2", "BatchNormalization", "cat", "saliency", "gradcam"):
        assert any(text in one for one in texts), text
    assert sorted(path for path in out.iterdir()) == sorted(paths)


@keras.saving.register_keras_serializable("tests")
class OwnStatistics(keras.layers.Layer):
    """Normalizes by the statistics of the batch, whatever the model is told."""

    def build(self, input_shape):
        self.inner = keras.layers.BatchNormalization(name="inner")
        self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs, training=True)


def test_the_page_says_what_a_reader_must_know_of_the_maps_and_the_command_line_says_it_once(picture, tmp_path):
    inputs = keras.Input((12, 12, 1))
    maps = OwnStatistics(name="own")(keras.layers.Conv2D(2, 3)(inputs))
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(maps))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    read, paths, said = reported(tmp_path / "model.keras", picture, *FAST, "--out", tmp_path / "out")
    remark = "'own/inner' normalize by the statistics of the batch (training=True): images were run one by one."
    assert said.count(f"Note: {remark}\n") == 1
    assert read.text("p").count(f"saliency, gradcam: {remark}") == 1
    record = json.loads(next(path for path in paths if path.name.startswith("compare") and path.suffix == ".json").read_text())
    assert [result["settings"]["remarks"] for result in record["results"]] == [[remark], [remark]]


def test_no_old_page_stands_beside_new_pictures(model, picture, tmp_path, monkeypatch):
    shutil.copy(picture, tmp_path / "report.html")
    result = run("report", model, "nowhere.png", "--out", tmp_path)
    assert (result.exit_code, (tmp_path / "report.html").exists()) == (2, True)  # nothing was drawn
    monkeypatch.setattr("visualize.plotting.export.save", interrupted)
    assert run("report", model, "--out", tmp_path).exit_code == 130
    assert (tmp_path / "summary.png").exists()
    assert not (tmp_path / "report.html").exists()


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_model_of_one_number_has_no_classes(saved, picture, tmp_path):
    read, _, _ = reported(saved("regression"), picture, *FAST, "--out", tmp_path / "out")
    assert "Maximized output" in read.text("h2")
    assert not [text for _, text in read.texts if re.search(r"\bclass 0\b|For each class", text)]
    assert any(text.startswith("Explained: output ") for _, text in read.texts)
    assert not any("class 0" in image["alt"] for image in read.all("img"))


def test_the_contents_lead_to_parts_that_are_there(made):
    read = made[0]
    identities = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    inner = [link["href"][1:] for link in read.all("a") if link["href"].startswith("#")]
    assert len(identities) == len(set(identities))
    assert set(inner) == set(identities)
    assert len(inner) == len(read.text("h2")) - 1 + 1  # every part and the image


def test_headings_go_down_one_step_at_a_time(made):
    levels = [int(tag[1]) for tag, _ in made[0].tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_predictions_are_those_of_the_model(made, model, picture):
    pixels = np.asarray(Image.open(picture))[None, ..., None] / 255
    expected = keras.saving.load_model(model).predict(pixels, verbose=0)[0]
    cells = made[0].text("td")
    first = cells.index(next(cell for cell in cells if cell in ("cat", "dog", "cow") or "(explained)" in cell))
    rows = [cells[start : start + 3] for start in range(first, first + 12, 3)]
    assert [float(row[1]) for row in rows] == pytest.approx(sorted(expected, reverse=True), abs=6e-4)
    best = np.log(np.sort(expected)[::-1])
    logits = [float(row[2]) for row in rows]
    assert logits - np.float64(logits[0]) == pytest.approx(best - best[0], abs=5e-3)
    names = [row[0].removesuffix(" (explained)") for row in rows]
    assert names == [one_line(("cat", "dog", HOSTILE, "cow")[index]).strip() for index in np.argsort(-expected)]
    assert sum(row[0].endswith("(explained)") for row in rows) == 1


def test_the_bars_are_as_long_as_the_probabilities(made):
    read = made[0]
    bars = [float(re.fullmatch(r"width: ([\d.]+)%", span["style"])[1]) for span in read.all("span")]
    cells = read.text("td")
    first = cells.index(next(cell for cell in cells if cell in ("cat", "dog", "cow") or "(explained)" in cell))
    assert bars == pytest.approx([100 * float(cell) for cell in cells[first + 1 : first + 12 : 3]], abs=0.11)


def test_a_name_may_break_where_its_words_meet(tmp_path):
    table = page.Table("layers", ("layer",), (("base/block_1__x<y/",), ("DepthwiseConv2D",)))
    content = Page("many", "", (Part("model", "The model", tables=(table,)),), (), (), "visualize report", "")
    source = page.write(content, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>base/<wbr>block_<wbr>1__<wbr>x&lt;y/</td>" in source
    assert "<td>Depthwise<wbr>Conv2D</td>" in source


def test_a_long_list_of_a_card_ends_with_a_whole_name_and_how_many_more(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    names = [f"name {number}" for number in range(100, 1100)]
    (tmp_path / "model.json").write_text(json.dumps({"class_names": names, "few": [1, 2, 3]}))
    entries, _ = card_facts(visualize.open_model(tmp_path / "model.keras"))
    # Ten characters each with its comma: thirty of them.
    assert dict(entries) == {"class_names": ", ".join(names[:30]) + " and 970 more", "few": "1, 2, 3"}


def test_long_tables_are_folded_and_predictions_are_not(made):
    source = made[0].source
    folded = re.findall(r'<details class="table">\s*<summary>([^<]*)', source)
    assert [title.split(":")[0] for title in folded] == ["What is in each map, in numbers", "Layers in the order of the calls"]
    assert source.index("What the model predicts for") < source.index("<details")


def test_no_name_becomes_markup(made):
    read = made[0]
    assert {tag for tag, _ in read.tags} & {"script", "iframe", "object", "link", "base", "form"} == set()
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert read.source.count("<script") == 0
    assert any("<script>" in text for _, text in read.texts)  # the names are there, as text
    assert "\u202e" not in "".join(text for tag, text in read.texts if tag != "code")


def test_nothing_is_asked_from_elsewhere(made):
    read = made[0]
    policy = next(one["content"] for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert all(image["src"].startswith("data:image/png;base64,") for image in read.all("img"))
    assert all(link["href"].startswith(("#", "./")) for link in read.all("a"))
    (style,) = read.text("style")
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_has_a_text_that_tells_what_is_to_be_seen(made, picture):
    images = made[0].all("img")
    assert len(images) == 5  # sheet, diagram, curves, filters, maximized classes
    assert all(len(image["alt"]) > 40 for image in images)
    sheet = images[0]["alt"]
    found = visualize.load(next(path for path in made[1] if path.match("compare*.npz")))
    assert sheet.startswith(f"{picture.name} and what matters in it for {one_line(HOSTILE)}, logit {found[0].scores[0]:.4g}")
    assert f"saliency highest at the {peak_position(found[0].values[0])}" in sheet
    assert images[2]["alt"] == "Curves over 2 epochs: loss 0.5 to 0.25 (validation 0.6 to 0.4)."


def test_pictures_that_fit_are_the_originals_and_these_stand_beside(made):
    read, paths, *_ = made
    links = [link["href"] for link in read.all("a") if link["href"].startswith("./")]
    pngs = [path for path in paths if path.suffix == ".png"]
    assert links == ["./" + path.name for path in pngs]  # our own names need no quoting
    for image, path in zip(read.all("img"), pngs, strict=True):
        assert base64.b64decode(image["src"].split(",")[1]) == path.read_bytes()
        assert (int(image["width"]), int(image["height"])) == size_of(path)


@pytest.mark.slow
def test_each_command_redoes_its_picture_byte_for_byte(made):
    read, paths, _, _ = made
    pictures = [path for path in paths if path.suffix == ".png"]
    commands = read.commands
    assert commands[: len(pictures)] == commands[len(pictures) : -1]  # below each picture, and all of them at the end
    for command, path in zip(commands, pictures, strict=False):
        before = {one: one.read_bytes() for one in paths if one.stem == path.stem}
        for one in before:
            one.unlink()
        assert command[0] == "visualize"
        assert run(*command[1:]).exit_code == 0
        for one, content in before.items():
            if one.suffix == ".json":
                new, old = json.loads(one.read_text()), json.loads(content)
                assert {**new, "seconds": 0, "written": ""} == {**old, "seconds": 0, "written": ""}
            else:
                assert one.read_bytes() == content, one


@pytest.mark.slow
def test_the_last_command_makes_the_same_report(made):
    read, paths, _, _ = made
    assert read.commands[-1][:2] == ["visualize", "report"]
    assert run(*read.commands[-1][1:]).exit_code == 0
    without_time = functools.partial(re.sub, r"Made \S+ \S+ \S+", "Made")
    assert without_time(paths[-1].read_text(encoding="utf-8")) == without_time(read.source)


@pytest.mark.slow
def test_images_of_a_data_set_are_each_redone_alone(model, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 12, 12), "uint8")
    np.savez(tmp_path / "set.npz", images=pixels, labels=np.array([1, 0, 1, 2, 3]))
    common = (model, "--data", tmp_path / "set.npz", "--method", "saliency")
    read, paths, _ = reported(*common, "--per-class", "--out", tmp_path / "out")
    compared = [command for command in read.commands if command[1] == "compare"][:4]
    assert [command[command.index("--index") + 1] for command in compared] == ["1", "0", "3", "4"]
    assert [command[command.index("--target") + 1] for command in compared] == ["0", "1", "2", "3"]
    for command, index in zip(compared, (1, 0, 3, 4), strict=True):
        path = next(path for path in paths if path.match(f"compare*-set-{index}.npz"))
        (found,) = visualize.load(path)
        np.testing.assert_array_equal(found.images[0, ..., 0], pixels[index].astype("float32") / 255)
        content = path.read_bytes()
        path.unlink()
        assert run(*command[1:]).exit_code == 0
        assert path.read_bytes() == content
    assert [text for text in read.text("p") if text.startswith("Its label is cat")]


@pytest.mark.slow
def test_a_file_of_several_images_and_files_of_one_name_are_each_redone_alone(model, picture, tmp_path):
    np.save(tmp_path / "both.npy", np.random.default_rng(2).random((2, 12, 12, 1)).astype("float32"))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    shutil.copy(picture, tmp_path / "a" / "cat.png")
    Image.fromarray(np.zeros((12, 12), "uint8")).save(tmp_path / "b" / "cat.png")
    images = [tmp_path / "both.npy", tmp_path / "a" / "cat.png", tmp_path / "b" / "cat.png"]
    read, paths, _ = reported(
        model, *images, "--method", "saliency", *(f"--target={one}" for one in (0, 1, 2, 3)), "--out", tmp_path
    )
    *titles, methods = read.text("h3")
    assert titles == ["both.npy 0: cat", "both.npy 1: dog", f"cat.png: {one_line(HOSTILE)}".strip(), "cat.png: cow"]
    assert methods == "What each method measures"
    sheets = [path for path in paths if path.match("compare*.npz")]
    assert len(set(sheets)) == 4
    assert sheets[-1].parent.name == "image-4"
    found = [visualize.load(path)[0] for path in sheets]
    assert [int(one.targets[0]) for one in found] == [0, 1, 2, 3]
    np.testing.assert_array_equal(found[1].images[0], np.load(images[0])[1])
    assert found[3].images.max() == 0
    for path, command in zip(sheets, [one for one in read.commands if one[1] == "compare"], strict=False):
        content = path.read_bytes()
        path.unlink()
        assert run(*command[1:]).exit_code == 0
        assert path.read_bytes() == content


def test_several_classes_of_one_picture_stand_side_by_side(model, picture, tmp_path):
    methods = ("--method", "saliency", "--method", "gradcam")
    read, paths, _ = reported(model, picture, *methods, "--target", "cat", "--target", "dog", "--out", tmp_path)
    assert any(text.endswith(": cat, dog") for text in read.text("h3"))
    (figure,) = [path for path in paths if path.match("compare*.npz")]
    maps = visualize.load(figure)
    assert [(each.method, int(each.targets[0])) for each in maps] == [
        ("saliency", 0), ("gradcam", 0), ("saliency", 1), ("gradcam", 1),
    ]  # fmt: skip
    for each in maps:
        method = getattr(visualize, each.method)
        np.testing.assert_array_equal(each.values, method(visualize.open_model(model), each.images, each.targets[0]).values)
    (line,) = [text for text in read.text("p") if text.startswith("Explained: ")]
    for part, each in zip(line.removeprefix("Explained: ").split("; "), (maps[0], maps[2]), strict=True):
        name = ("cat", "dog")[int(each.targets[0])]
        assert part.startswith(f"{name}, logit {each.scores[0]:.4g}, probability {each.arrays['probability'][0]:.3f}")
    assert {"cat (explained)", "dog (explained)"} <= set(read.text("td"))
    assert {"saliency, cat", "gradcam, cat", "saliency, dog", "gradcam, dog"} <= set(read.text("td"))
    assert any("matters in it for cat, logit" in img["alt"] and "; for dog, logit" in img["alt"] for img in read.all("img"))
    content = figure.read_bytes()
    figure.unlink()
    command, *_ = [command for command in read.commands if command[1] == "compare"]
    assert run(*command[1:]).exit_code == 0
    assert figure.read_bytes() == content


def test_a_report_on_one_of_several_outputs_maximizes_its_classes(saved, picture, tmp_path):
    for images in ((), (picture, "--method", "saliency")):
        read, paths, _ = reported(saved("two_outputs"), *images, "--output", "kind", "--out", tmp_path / str(len(images)))
        (maximized,) = [path for path in paths if path.match("maximize*.npz")]
        assert maximized.stem == "maximize-kind"
        (tiles,) = visualize.load(maximized)
        assert tiles.settings.targets == [0, 1, 2, 3]
        command, *_ = [command for command in read.commands if command[1] == "maximize"]
        content = maximized.read_bytes()
        maximized.unlink()
        assert run(*command[1:]).exit_code == 0
        assert maximized.read_bytes() == content


def test_a_method_that_the_model_does_not_allow_is_told_and_the_others_are_drawn(tmp_path, picture):
    flat = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    flat.save(tmp_path / "flat.keras")
    read, paths, said = reported(tmp_path / "flat.keras", picture, *FAST, "--out", tmp_path / "out")
    missing = [text for text in read.text("p") if text.startswith("No ")]
    assert [text.split()[1].rstrip(".") for text in missing] == ["gradcam", "card", "filters"]
    assert said.count("no gradcam. ") == said.count("no filters. ") == 1
    command = next(one for one in read.commands if one[1] == "compare")
    assert "saliency" in command
    assert "gradcam" not in command
    assert [one.method for one in visualize.load(next(path for path in paths if path.match("compare*.npz")))] == ["saliency"]
    read, paths, _ = reported(tmp_path / "flat.keras", picture, "--method", "gradcam", "--out", tmp_path / "none")
    assert not [path for path in paths if path.match("compare*")]
    assert [text for text in read.text("p") if text.startswith("No gradcam. ")]


def test_a_history_of_another_model_is_not_taken_for_ones_own(saved, tmp_path):
    one, other = tmp_path / "one.keras", tmp_path / "other.keras"
    (tmp_path / "history.csv").write_text("loss\n1\n")
    shutil.copy(saved("softmax"), one)
    assert history_file(visualize.open_model(one)) == tmp_path / "history.csv"  # there is no other model
    shutil.copy(saved("softmax"), other)
    assert history_file(visualize.open_model(one)) is None
    (tmp_path / "one.json").write_text(json.dumps({"files": ["one.keras", "history.csv"]}))
    assert history_file(visualize.open_model(one)) == tmp_path / "history.csv"  # its card says so
    assert history_file(visualize.open_model(other)) is None
    (tmp_path / "other.csv").write_text("loss\n1\n")
    assert history_file(visualize.open_model(other)) == tmp_path / "other.csv"  # it has its name


REQUEST = ReportRequest(
    Path("-models/a b.keras"), data="it's:mine", index=(4, 2), methods=("saliency", "gradcam"), targets=("a cat", "-1"),
    output="$(x)", region=(1, 2, 3, 4), input_name="picture", batch_size=3, precision="bfloat16", input_range=(-1.0, 1.0),
    out=Path("x y"), unsafe=True, custom_objects=("one", "two"),
)  # fmt: skip


def parsed(line):
    """The request that the command line reads from a command."""
    program, name, *words = shlex.split(line)
    assert program == "visualize"
    given = check_options(name, main.get_command(click.Context(main), name).make_context(name, words).params)
    assert Drawing.of(given, maps=True) == Drawing()
    return report_request(*(given.pop(field) for field in ("model", "out", "unsafe", "custom_objects")), given)


@pytest.mark.parametrize("command", [report_command, compare_command])
@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        replace(REQUEST, data=None, index=None, images=(Path("-x.png"), Path("a b.png")), out=Path()),
        replace(REQUEST, index=None, per_class=True, targets=(), methods=(), region=None, precision="float32"),
        replace(REQUEST, trust=True),
        replace(REQUEST, index=(7,), output=None, input_name=None, batch_size=None, input_range=None, unsafe=False),
    ],
)
def test_a_command_is_read_as_the_request_that_it_renders(command, request_):
    assert parsed(command(request_)) == request_


def test_the_command_of_trust_has_what_the_report_has_but_the_word_itself():
    assert shlex.split(trust_command(replace(REQUEST, trust=True)))[2:] == shlex.split(compare_command(REQUEST))[2:]


def test_a_command_on_the_model_alone_has_what_the_model_needs():
    assert shlex.split(summary_command(REQUEST)) == [
        "visualize", "summary", "./-models/a b.keras", "--unsafe", "--custom-objects", "one", "--custom-objects", "two",
        "--out", "x y",
    ]  # fmt: skip


def test_python_makes_the_report_that_the_command_makes(model, picture, made, tmp_path):
    wanted = ReportRequest(model, (picture,), methods=("saliency", "gradcam"), targets=(HOSTILE,), out=tmp_path)
    opened, notes = visualize.open_model(model), []
    before = card_of(opened)
    paths = list(build_report(wanted, opened, note=notes.append))
    assert card_of(opened) == before
    assert all("ended below where they began" in text for text in notes)  # of a network that was never trained
    _, others, _, _ = made
    assert [path.name for path in paths] == [path.name for path in others]
    for path, other in zip(paths, others, strict=True):
        if path.suffix in (".png", ".npz"):
            assert path.read_bytes() == other.read_bytes()


def test_class_names_of_a_data_set_are_used_for_its_images_alone(saved, tmp_path, monkeypatch):
    entry = importlib.metadata.EntryPoint("letters", f"{__name__}:letters", "visualize.datasets")
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: letters)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [entry])
    model = visualize.open_model(saved("softmax"))
    wanted = ReportRequest(saved("softmax"), data="letters:", methods=("saliency",), out=tmp_path)
    paths = list(build_report(wanted, model))
    assert card_of(model).class_names == ()
    (maximized,) = visualize.load(tmp_path / "maximize.npz")
    assert [caption.split(":")[0] for caption in maximized.captions] == ["0", "1", "2", "3"]
    (attribution,) = visualize.load(next(path for path in paths if path.match("compare*.npz")))
    assert attribution.settings.class_names == list("abcd")


def letters(argument):
    """A data set that names its classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 12), "uint8")
    return {"images": pixels, "labels": np.array([0, 1]), "class_names": tuple("abcd")}


@pytest.mark.slow
@pytest.mark.parametrize("one", ["two_inputs", "siamese", "segmenting", "sequence", "volume", "subclassed", "one_sigmoid"])
def test_models_of_other_kinds_have_a_report(one, saved, images_for, reloaded, tmp_path):
    images, explained = images_for(reloaded(one), 2), ["--input-name", "picture"] if one == "siamese" else []
    path = tmp_path / ("images.npz" if isinstance(images, dict) else "images.npy")
    np.savez(path, **images) if isinstance(images, dict) else np.save(path, images)
    read, paths, _ = reported(saved(one), path, *FAST, *explained, "--target", 1, "--out", tmp_path / "out")
    sheets = [path for path in paths if path.match("compare*.npz")]
    assert len(sheets) == (1 if isinstance(images, dict) else 2)
    for sheet, command in zip(sheets, [words for words in read.commands if words[1] == "compare"], strict=False):
        assert [each.method for each in visualize.load(sheet)] == ["saliency", "gradcam"]
        content = sheet.read_bytes()
        assert run(*command[1:]).exit_code == 0
        assert sheet.read_bytes() == content


def test_the_page_speaks_of_a_validation_loss_only_where_there_is_one(made, saved, tmp_path):
    assert OVERFITTING in made[0].text("p")
    shutil.copy(saved("softmax"), tmp_path / "model.keras")
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    read, _, _ = reported(tmp_path / "model.keras", "--out", tmp_path / "out")
    assert OVERFITTING not in read.text("p")


def test_a_model_alone_has_a_report(saved, tmp_path):
    read, _, _ = reported(saved("softmax"), "--out", tmp_path)
    assert "What matters in the images" not in read.text("h2")
    assert "The training" not in read.text("h2")
    assert len(read.all("img")) == 3


@pytest.mark.slow
def test_of_many_classes_those_that_are_explained_are_maximized(tmp_path, picture):
    keras.utils.set_random_seed(0)
    wide = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(150)])
    wide.save(tmp_path / "wide.keras")
    read, _, _ = reported(tmp_path / "wide.keras", picture, "--method", "saliency", "--target", 120, "--out", tmp_path)
    (command, _) = [one for one in read.commands if one[1] == "maximize"]
    assert command[command.index("--target") + 1] == "120"
    assert "And 144 less likely." in read.text("p")  # the five best, and the one that is explained


@pytest.mark.parametrize(
    ("arguments", "told"),
    {
        ("PICTURE", "--target", "cet"): "`target` must be one of 'cat', 'dog', ",
        ("no.png",): "`images` must be picture files or arrays. Received: no.png, which is no file.",
        ("--method", "saliency"): "`--method` needs images: name IMAGES or --data. Received: neither.",
        ("--trust",): "`--trust` needs images: name IMAGES or --data. Received: neither.",
        ("--precision", "bfloat16"): "`--precision` needs images: name IMAGES or --data. Received: neither.",
        ("PICTURE", "--target", "cat", "--target", "cet"): "`target` must be one of 'cat', 'dog', ",
        ("PICTURE", "PICTURE", *(3 * ("--target", "cat"))): "`target` must be one class, or one for each of the 2 images.",
        (
            "PICTURE",
            "--data",
            "mnist:test",
        ): "`report` needs either IMAGES or --data, such as --data mnist:test. Received: both.",
    }.items(),
    ids=str,
)
def test_a_mistake_is_one_line_and_nothing_is_drawn(arguments, told, model, picture, tmp_path):
    result = run("report", model, *(picture if one == "PICTURE" else one for one in arguments), "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {told}")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "a line of names"), ("epoch,loss\n", "what one epoch measured"), ("epoch,loss\n1,low\n", "a line of names")],
)
def test_a_history_that_is_none_is_told_in_the_report_and_refused_alone(content, told, saved, tmp_path):
    shutil.copy(saved("softmax"), tmp_path / "model.keras")
    (tmp_path / "history.csv").write_text(content)
    result = run("curves", tmp_path / "history.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    if not content:
        read, _, _ = reported(tmp_path / "model.keras", "--out", tmp_path)
        assert [text for text in read.text("p") if text.startswith("No training curves. ")]


def noise(folder, count, width):
    """Pictures that cannot be compressed, on a page."""
    pictures = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (width // 2, width, 3), "uint8")).save(path)
        pictures.append(Picture(path, f"picture {number}", "noise", f"visualize draw {number}"))
    part = Part("noise", "Noise", pictures=tuple(pictures))
    return Page("many", "", (part,), (), (), "visualize report", "")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "width"), [(2, 700), (5, 700), (1, 1700)])
def test_the_page_keeps_its_size_by_fewer_pixels_for_all(count, width, tmp_path):
    content = noise(tmp_path, count, width)
    unbounded = page.write(content, tmp_path / "large.html", max_bytes=10**9).stat().st_size
    most = unbounded // 2
    read = Read(page.write(content, tmp_path / "report.html", max_bytes=most))
    assert (tmp_path / "report.html").stat().st_size <= most
    assert len(read.all("img")) == count
    sizes = {size_of(io.BytesIO(base64.b64decode(one["src"].split(",")[1]))) for one in read.all("img")}
    assert len(sizes) == 1  # alike for all
    ((scaled, height),) = sizes
    assert scaled == next(one for one in page.WIDTHS if one == scaled)
    assert abs(height - scaled / 2) <= 1
    assert all(image["width"] == str(width) for image in read.all("img"))  # that of the original keeps its place
    assert read.source.count("Here scaled down") == count


def test_pictures_for_phones_are_the_first_to_make_room(tmp_path):
    content = noise(tmp_path, 2, 700)
    (part,) = content.model
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 720, 3), "uint8")).save(jpeg, "JPEG")
    with_narrow = tuple(replace(picture, narrow=jpeg.getvalue()) for picture in part.pictures)
    both = replace(content, model=(replace(part, pictures=with_narrow),))
    read = Read(page.write(both, tmp_path / "both.html"))
    (source, _) = read.all("source")
    assert source["media"] == "(max-width: 40rem)"
    assert (source["width"], source["height"]) == ("720", "900")  # so that the text below does not jump
    assert base64.b64decode(source["srcset"].split(",")[1]) == jpeg.getvalue()
    without = page.write(content, tmp_path / "without.html").stat().st_size
    read = Read(page.write(both, tmp_path / "report.html", max_bytes=without + 1000))
    assert (len(read.all("source")), len(read.all("img"))) == (0, 2)
    assert "Here scaled down" not in read.source


def test_what_does_not_fit_is_a_link_and_the_page_says_so(tmp_path):
    content = noise(tmp_path, 6, 500)
    least = page.write(content, tmp_path / "least.html", max_bytes=30_000).stat().st_size
    assert least <= 30_000
    read = Read(page.write(content, tmp_path / "report.html", max_bytes=900_000))
    assert (tmp_path / "report.html").stat().st_size <= 900_000
    shown_ones = len(read.all("img"))
    assert 0 < shown_ones < 6
    told = [text for text in read.text("p") if text.startswith("Not shown, to keep this file below")]
    assert len(told) == 6 - shown_ones
    assert [link["href"] for link in read.all("a") if "#" not in link["href"]] == [f"./{number}.png" for number in range(6)]


@pytest.mark.slow
def test_the_page_is_never_larger_than_asked(tmp_path):
    content = noise(tmp_path, 6, 60)
    full = page.write(content, tmp_path / "full.html").stat().st_size
    counts = []
    for most in range(full - 600, full + 20, 20):  # where the last picture fits but what stands around it does not
        written = page.write(content, tmp_path / "report.html", max_bytes=most)
        assert written.stat().st_size <= most
        counts.append(len(Read(written).all("img")))
    assert counts == sorted(counts)  # more room, more pictures
    assert counts[-1] == 6


def test_nothing_is_said_twice_where_once_is_enough(capsys):
    say("a line")
    with once():
        say("a line")
        say("a line")
    say("a line")
    assert capsys.readouterr().err == "a line\n" * 3


def test_the_limit_is_ten_megabytes():
    assert page.MAX_BYTES == 10_000_000


def test_the_template_comes_with_the_package():
    assert resources.files("visualize.report").joinpath("report.html").is_file()


@pytest.mark.parametrize(
    ("peak", "expected"),
    [((0, 0), "top left"), ((4, 4), "center"), ((8, 4), "bottom center"), ((4, 8), "middle right"), (None, "")],
)
def test_the_place_of_a_map_is_that_of_its_highest_value(peak, expected):
    values = np.zeros((9, 9))
    if peak:
        values[peak] = 1
    assert peak_position(values) == expected


def browser(width):
    """A headless Chromium of a width, which notes every request; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: make install has it")
    from selenium.webdriver.chrome.service import Service

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium with its driver on this machine: apt-get install chromium chromium-driver has both")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    size = {"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return opened


# Text that is wider than its box, or reaches beyond the window; folded parts are opened first.
OVERFLOWING = """
document.querySelectorAll("details").forEach(each => each.open = true);
const wide = [];
for (const element of document.body.querySelectorAll("*")) {
  if (!element.textContent.trim()) continue;
  const box = element.getBoundingClientRect(), inline = getComputedStyle(element).display === "inline";
  if (box.right > window.innerWidth + 1 || box.left < -1 || (!inline && element.scrollWidth > element.clientWidth + 1))
    wide.push(element.tagName + ": " + element.textContent.trim().slice(0, 40));
}
return wide;
"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_the_page_without_a_request_and_without_text_that_overflows(width, made):
    path = made[1][-1]
    opened = browser(width)
    try:
        opened.get(path.as_uri())
        assert opened.title == "added: what it learned"
        events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
        requests = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
        assert {url for url in requests if not url.startswith("data:")} == {path.as_uri()}
        assert opened.get_log("browser") == []  # nothing was blocked or missing
        images = opened.execute_script(
            "return [...document.images].map(one => [one.complete, one.naturalWidth, one.alt, one.clientWidth])"
        )
        assert len(images) == 5
        shown = opened.execute_script("return [...document.images].map(one => one.currentSrc.slice(0, 15))")
        assert set(shown) == ({"data:image/jpeg"} if width == 390 else {"data:image/png;"})
        assert all(complete and natural > 0 and alt and shown > 100 for complete, natural, alt, shown in images)
        assert opened.execute_script("return document.documentElement.scrollWidth") == width
        assert opened.execute_script(OVERFLOWING) == []
        paper = {}
        for scheme in ("light", "dark"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            colors = opened.execute_script(
                "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
            )
            paper[scheme], ink = (sum(map(int, re.findall(r"\d+", color)[:3])) for color in colors)
            assert abs(paper[scheme] - ink) > 3 * 128  # to be read
        assert paper["dark"] < paper["light"]
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [dark]})
        printed = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert printed == "rgb(255, 255, 255)"  # nobody prints the dark
        folded = "document.querySelectorAll('details').forEach(each => each.open = false); return "
        contents = "[...document.querySelectorAll('details > table, details pre')]"
        shown = f"{contents}.map(each => each.checkVisibility({{contentVisibilityAuto: true}}))"
        assert all(opened.execute_script(folded + shown))  # what is folded on a screen is open on paper
    finally:
        opened.quit()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows forbids such names")
def test_a_picture_whose_name_begins_with_a_dash_is_no_option(model, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(picture, "-x.png")
    read, _, _ = reported(model, "--method", "saliency", "--out", "out", "--", "-x.png")
    command = next(one for one in read.commands if one[1] == "compare")
    assert command[3] == "./-x.png"
    assert run(*command[1:]).exit_code == 0


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Seven pictures of noise in one file."""
    path = tmp_path_factory.mktemp("digits") / "seven.npy"
    np.save(path, np.random.default_rng(3).random((7, 12, 12, 1)).astype("float32"))
    return path


@pytest.fixture(scope="module")
def trusted(model, digits, tmp_path_factory):
    """One report that measures trust."""
    out = tmp_path_factory.mktemp("trusted")
    return *reported(model, "--data", digits, "--index", "0-5", *FAST, "--trust", "--out", out), out


@pytest.fixture(scope="module")
def expected(model, digits):
    """What the function of Python measures of the same images."""
    methods = [visualize.saliency, visualize.gradcam]
    return visualize.trust(visualize.open_model(model), np.load(digits)[:6], methods=methods)


@pytest.mark.slow
def test_the_part_on_trust_says_what_the_python_function_measures(trusted, expected):
    read, paths, _, _ = trusted
    (result,) = visualize.load(next(path for path in paths if path.match("trust-*.npz")))
    assert json.dumps(result.rows) == json.dumps(expected.rows)
    assert read.text("p").count(expected.answer) == 1
    methods = [row for row in expected.rows if not row["baseline"]]
    words = dict(zip(read.text("dt"), read.text("dd"), strict=True))
    for row in methods:
        clauses = row["sentence"].removeprefix(f"{row['name']}: ")
        verdict = {True: "Believed", False: "Not believed"}[row["believed"]]
        assert f"{verdict}. {clauses[0].upper()}{clauses[1:]}" in read.text("dd")
    assert {row["name"] for row in methods} <= set(words)
    (image,) = [image for image in read.all("img") if image["alt"].startswith(expected.answer)]
    for row in expected.rows:
        deletion, insertion = (row["measures"][name]["mean"] for name in ("deletion", "insertion"))
        assert f"{row['name']} {deletion:.2g} and {insertion:.2g}" in image["alt"]


@pytest.mark.slow
def test_the_table_of_trust_has_each_measure_of_each_row_with_its_interval(trusted, expected):
    source = trusted[0].source.replace("<wbr>", "")
    (table,) = re.findall(r'aria-label="What was measured, in numbers: means over 6 images.*?</table>', source, re.DOTALL)
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr>")[2:]]
    assert [row[0] for row in rows] == [row["name"] for row in expected.rows]
    for cells, row in zip(rows, expected.rows, strict=True):
        for cell, column in zip(cells[1:], expected.columns, strict=True):
            measure = row["measures"].get(column["name"])
            if measure is None:
                assert cell == "\u2013"
            else:
                assert cell == f"{measure['mean']:.2g} ({measure['low']:.2g} to {measure['high']:.2g})"


@pytest.mark.slow
def test_the_command_of_trust_draws_it_again_byte_for_byte_and_maps_are_measured(trusted):
    read, paths, _, out = trusted
    own = [path for path in paths if path.match("trust-*")]
    assert sorted(path.suffix for path in own) == [".csv", ".json", ".npz", ".png"]
    before = {path: path.read_bytes() for path in own}
    for path in own:
        path.unlink()
    shutil.rmtree(out / "trust-measures")  # measured again, not read
    command, again = [words for words in read.commands if words[1] == "trust"]
    assert command == again
    assert run(*command[1:]).exit_code == 0
    for path, content in before.items():
        if path.suffix == ".json":
            new, old = json.loads(path.read_text()), json.loads(content)
            assert {**new, "seconds": 0, "written": ""} == {**old, "seconds": 0, "written": ""}
        else:
            assert path.read_bytes() == content, path
    for words in [words for words in read.commands if words[1] == "compare"]:
        assert "--trust" in words
    for sheet in [path for path in paths if path.match("compare*.npz")]:
        assert all({"deletion", "insertion"} <= set(each.arrays) for each in visualize.load(sheet))


@pytest.mark.slow
def test_the_part_on_trust_is_in_the_contents_and_narrow_on_a_phone(trusted):
    read = trusted[0]
    assert "measured-trust" in [attributes.get("id") for _, attributes in read.tags]
    assert "#measured-trust" in [link["href"] for link in read.all("a")]
    assert len(read.all("source")) == 6 + 5  # of each image; trust, the diagram, curves, filters and maximized classes
    assert not [text for text in read.text("p") if "add --trust to the command" in text]


@pytest.mark.slow
def test_what_the_model_does_not_allow_is_told_in_the_part_on_trust_too(tmp_path, digits):
    flat = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    flat.save(tmp_path / "flat.keras")
    common = (tmp_path / "flat.keras", "--data", digits, "--index", "0-5", "--trust", "--out", tmp_path / "out")
    read, paths, _ = reported(*common, *FAST)
    (result,) = visualize.load(next(path for path in paths if path.match("trust-*.npz")))
    assert [row["name"] for row in result.rows if not row["baseline"]] == ["saliency"]
    assert sum(text.startswith("No gradcam. ") for text in read.text("p")) == 6 + 1
    read, paths, _ = reported(*common, "--method", "gradcam")
    assert not [path for path in paths if path.match("trust-*")]
    assert sum(text.startswith("No gradcam. ") for text in read.text("p")) == 6 + 1


@pytest.mark.slow
def test_where_trust_cannot_be_measured_the_report_says_why_and_has_its_maps(tmp_path):
    inputs = keras.Input((12, 12, 1))
    rising = keras.layers.Dense(3, kernel_initializer="ones")  # so that what is maximized stays above 0
    keras.Model(inputs, rising(keras.layers.Flatten()(keras.ops.sqrt(inputs)))).save(tmp_path / "root.keras")
    np.save(
        tmp_path / "images.npy", np.eye(12, dtype="float32")[None, ..., None].repeat(6, 0)
    )  # at 0 a root is infinitely steep
    common = ("--data", tmp_path / "images.npy", "--index", "0-5", "--method", "saliency", "--trust")
    read, paths, _ = reported(tmp_path / "root.keras", *common, "--out", tmp_path / "out")
    assert len([path for path in paths if path.match("compare*.npz")]) == 6
    (missing,) = [text for text in read.text("p") if text.startswith("No trust. ")]
    assert "finite" in missing


def test_without_trust_the_page_says_how_to_have_it_measured(made):
    assert [text for text in made[0].text("p") if "add --trust to the command of this report, with" in text]


@pytest.mark.parametrize(("index", "count"), [("0", 1), ("0-4", 5)])
def test_too_few_images_for_trust_are_refused_before_anything_is_computed(index, count, model, digits, tmp_path):
    result = run("report", model, "--data", digits, "--index", index, *FAST, "--trust", "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: A report with `--trust` must have at least 6 images, better 16 or more, such as")
    assert result.stderr.endswith(f"Received: {count}.\n")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    with pytest.raises(visualize.InputError, match="Received: 0"):
        list(build_report(ReportRequest(model, trust=True, out=tmp_path / "out")))
