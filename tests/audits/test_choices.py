import pytest

from memkit.audits import choices, search
from memkit.studies import checks
from memkit.sweeps import placement
from memkit.training.measure import Cost

MINUTE = 60


@pytest.fixture
def chosen(tiny):
    section = {"name": "digits", "classes": [0, 1, 2], "train_per_class": 20, "test_per_class": 7}
    return choices.config(section, tiny, title="Audit")


@pytest.mark.parametrize("count", [12, 60, 5000])
def test_the_config_of_an_audit_is_valid(chosen, count):
    chosen["training"]["batch_size"] = choices._batch_size(count)
    amount = choices.Amount(num_runs=40, epochs=20, seconds=100)
    checks.check(choices.with_amount(chosen, amount))


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("minutes", [2, 10, 60])
def test_what_is_chosen_fits_into_the_time(workers, minutes):
    cost = Cost(steps=20, disk=0, seconds=0.2, startup=5.0)
    amount = choices.amount(cost, minutes=minutes, workers=workers)
    assert amount.seconds <= minutes * MINUTE
    assert amount.num_runs % 20 == 0


def test_more_minutes_give_more_runs_and_never_fewer_epochs():
    cost = Cost(steps=20, disk=0, seconds=0.2, startup=5.0)
    amounts = [choices.amount(cost, minutes=m, workers=2) for m in (1, 2, 5, 10, 20, 60)]
    assert [a.num_runs for a in amounts] == sorted(a.num_runs for a in amounts)
    assert [a.epochs for a in amounts] == sorted(a.epochs for a in amounts)
    assert amounts[-1].num_runs > amounts[0].num_runs


def test_a_block_of_runs_is_trained_even_if_it_takes_longer():
    amount = choices.amount(Cost(steps=500, disk=0, seconds=100.0), minutes=1, workers=1)
    assert (amount.num_runs, amount.epochs) == (20, 8)
    assert amount.seconds == 20 * 8 * 100.0


def test_runs_of_a_study_that_is_continued_fit_into_the_time(chosen):
    begun = choices.with_epochs(chosen, 10)
    cost = Cost(steps=20, disk=0, seconds=0.1, startup=2.0)
    runs = choices.runs_within(cost, begun, minutes=10, workers=2)
    assert runs % 20 == 0 and 2.0 + runs / 2 * 0.1 * 10 <= 10 * MINUTE


def test_larger_models_are_tried_only_if_forty_runs_of_them_fit():
    cost = Cost(steps=20, disk=0, seconds=0.5, startup=5.0)
    found = [choices.larger(cost, minutes=m, workers=2) for m in (1, 10, 30, 60, 100, 1000)]
    assert found[:2] == [[], []] and found[-1] == list(choices.MODELS[1:])
    assert [len(models) for models in found] == sorted(len(models) for models in found)
    for minutes, models in zip((30, 60, 100), found[2:5], strict=True):
        for model in models:
            seconds = cost.seconds * model.cost
            its_cost = Cost(steps=20, disk=0, seconds=seconds, startup=5.0)
            amount = choices.amount(its_cost, minutes=minutes, workers=2)
            assert amount.num_runs >= 40 and amount.epochs == 35


@pytest.mark.parametrize("model", choices.MODELS)
def test_the_config_of_a_larger_model_is_valid(chosen, model):
    section = {"name": "folder", "path": "photos", "image_size": model.side}
    fields = {name: chosen["dataset"][name] for name in ("mean", "std", "resident")}
    config = choices.with_model(chosen | {"dataset": fields}, model, section)
    checks.check(config)
    assert config["model"] == {"name": "resnet", "depth": model.depth, "width": model.width}


def test_a_model_is_better_only_if_its_accuracy_is_higher_by_more_than_chance(chosen):
    def tried(accuracy, held_out=600):
        return search.Tried(chosen, held_out, accuracy)

    assert tried(0.93).is_better(tried(0.9)) and not tried(0.91).is_better(tried(0.9))
    assert tried(0.91, 60_000).is_better(tried(0.9, 60_000))


@pytest.mark.slow
def test_the_search_takes_another_model_only_if_it_is_better(chosen):
    begun = choices.with_epochs(chosen, 30)
    narrow = begun | {"model": begun["model"] | {"width": 1}}
    place = placement.place(data_parallel=1, workers=1)
    tried = search.search(narrow, place, larger=[begun])
    assert len(tried) == len(choices.PEAKS) + 2
    assert tried[0].config["model"] == begun["model"]
    assert search.search(begun, place, larger=[narrow])[0].config["model"] == begun["model"]


@pytest.mark.slow
def test_the_search_prefers_a_rate_with_which_models_learn(chosen):
    begun = choices.with_epochs(chosen, 30)
    tried = search.search(begun, placement.place(data_parallel=1, workers=1))
    assert len(tried) == len(choices.PEAKS) + 1
    accuracies = [each.accuracy for each in tried]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.6
