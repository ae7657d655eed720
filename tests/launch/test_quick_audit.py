import PIL.Image
import pytest
from memkit.launch import quick_audit

from memkit.audits import choices, sources


def photos(folder, side):
    for number in range(6):
        file = folder / "abc"[number % 3] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", (side, side), number).save(file)
    return str(folder)


@pytest.mark.parametrize(("side", "sides"), [(28, {0}), (64, {32, 0}), (100, {32, 64})])
def test_larger_images_are_tried_only_if_there_are_some(tmp_path, side, sides):
    words = photos(tmp_path / "photos", side)
    config = {"dataset": sources.dataset(words), "model": {"name": "resnet"}}
    larger = quick_audit._larger(words, config, choices.MODELS[1:])
    assert {each["dataset"]["image_size"] for each in larger} == sides
    assert len(larger) == (2 if side == 28 else 4)


def test_a_study_goes_on_with_the_size_of_its_images(tmp_path):
    words = photos(tmp_path / "photos", 100)
    begun = {"dataset": sources.dataset(words, most_side=64)}
    section = quick_audit._with_size_of(begun, sources.dataset(words))
    assert section == begun["dataset"]
    assert quick_audit._with_size_of(None, sources.dataset(words))["image_size"] == 32
