"""Parts of a distillation against slow or closed forms."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from captum_deconvnet import load_model
from captum_deconvnet.errors import DataError, TrainingError
from captum_deconvnet_zfnet.data.image_folder import opened
from captum_deconvnet_zfnet.distillation.agreement import agreement, resized
from captum_deconvnet_zfnet.distillation.blends import blended, windows
from captum_deconvnet_zfnet.distillation.colours import normalise_for
from captum_deconvnet_zfnet.distillation.folder import (
    central_box,
    cut,
    found,
    random_boxes,
    recoloured,
)
from captum_deconvnet_zfnet.distillation.last_maps import LastMaps
from captum_deconvnet_zfnet.distillation.lessons import Lessons
from captum_deconvnet_zfnet.distillation.loss import divergence, loss_of, soft_cross_entropy
from captum_deconvnet_zfnet.distillation.plan import sizes_of
from captum_deconvnet_zfnet.training.schedule import InverseRoot


def random_net(name):
    torch.manual_seed(0)
    return load_model(name, "random")


@pytest.mark.parametrize(
    ("name", "maps"),
    [
        ("zfnet/zfnet_gap", 256),
        ("offline/efficientnet_lite0", 1280),
        ("torchvision/resnet18", 512),
        ("torchvision/densenet121", 1024),
        ("torchvision/mobilenet_v3_small", 576),
        ("timm/regnetx_002", 368),
    ],
)
def test_logits_at_positions_have_the_nets_logits_as_their_mean(name, maps):
    loaded = random_net(name)
    last = LastMaps(loaded.model, loaded.example_input())
    with torch.no_grad():
        seen, logits = last(torch.rand(2, *loaded.input_size))
    assert seen.shape[1] == last.maps == maps
    if name != "torchvision/mobilenet_v3_small":  # two linear layers with a rectifier between
        torch.testing.assert_close(
            last.logits_at(seen).mean(dim=(1, 2)), logits, rtol=1e-3, atol=1e-3
        )
    else:
        assert last.linear is None


def test_a_net_with_hidden_layers_has_last_maps_and_no_logits_at_their_positions():
    loaded = random_net("torchvision/vgg11")
    last = LastMaps(loaded.model, loaded.example_input())
    assert last.linear is None
    assert last.maps == 512


def test_a_net_without_maps_is_refused():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(TrainingError, match="no maps"):
        LastMaps(net, torch.rand(1, 3, 2, 2))


def test_last_maps_leave_a_net_without_hooks_and_in_its_mode():
    loaded = random_net("zfnet/zfnet_gap")
    loaded.model.train()
    last = LastMaps(loaded.model, loaded.example_input())
    last(torch.rand(2, 3, 128, 128))
    assert loaded.model.training
    assert not any(module._forward_hooks for module in loaded.model.modules())


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_soft_cross_entropy_is_the_sum_by_hand(seed, classes, count):
    generator = torch.Generator().manual_seed(seed)
    logits, taught = torch.randn(2, count, classes, generator=generator)
    by_hand = 0.0
    for row, said in zip(logits.tolist(), taught.tolist(), strict=True):
        total, norm = sum(map(math.exp, said)), math.log(sum(map(math.exp, row)))
        by_hand -= (
            sum(math.exp(s) / total * (x - norm) for s, x in zip(said, row, strict=True)) / count
        )
    assert float(soft_cross_entropy(logits, taught)) == pytest.approx(by_hand, rel=1e-4)


def test_a_pupil_that_is_its_teacher_loses_only_the_teachers_own_entropy():
    loaded = random_net("zfnet/zfnet_gap")
    last = LastMaps(loaded.model, loaded.example_input())
    pictures = torch.rand(3, 3, 224, 224)
    with torch.no_grad():
        maps, logits = last(pictures)
        lessons = Lessons(torch.zeros(3, 3, 224, 224, dtype=torch.uint8), maps, logits)
        loss = loss_of(maps, logits, last, nn.Identity(), last, lessons)
        entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
        placed = torch.distributions.Categorical(logits=last.logits_at(maps)).entropy().mean()
    assert float(loss.labels) == pytest.approx(float(entropy), rel=1e-4)
    assert float(loss.positions) == pytest.approx(float(placed), rel=1e-4)
    assert float(loss.features) == 0
    assert float(loss.softened) == pytest.approx(0, abs=1e-5)
    assert float(loss.total) == pytest.approx(0, abs=1e-5)


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_the_divergence_is_the_sum_by_hand_of_logits_over_the_temperature(seed, classes, count):
    generator = torch.Generator().manual_seed(seed)
    logits, taught = torch.randn(2, count, classes, generator=generator)
    by_hand = 0.0
    for row, said in zip((logits / 4).tolist(), (taught / 4).tolist(), strict=True):
        mine, theirs = (sum(map(math.exp, each)) for each in (row, said))
        for x, s in zip(row, said, strict=True):
            p, q = math.exp(s) / theirs, math.exp(x) / mine
            by_hand += 16 * p * math.log(p / q) / count
    assert float(divergence(logits, taught)) == pytest.approx(by_hand, rel=1e-3, abs=1e-5)


def test_a_third_of_pictures_shows_through_another_and_a_third_has_a_window_on_another():
    values = torch.arange(0, 250, 5, dtype=torch.uint8)
    pictures = values[:, None, None, None].expand(50, 3, 32, 32).repeat(12, 1, 1, 1)
    found_there = blended(pictures, torch.Generator().manual_seed(0))
    assert found_there.dtype == torch.uint8
    assert torch.equal(found_there, blended(pictures, torch.Generator().manual_seed(0)))
    as_it_is = through = window = 0
    for before, after in zip(pictures, found_there, strict=True):
        colours = after.unique()
        assert len(colours) <= 2
        as_it_is += torch.equal(before, after)
        through += len(colours) == 1 and not torch.equal(before, after)
        if len(colours) == 2:
            window += 1
            other = colours[colours != before[0, 0, 0]]
            assert before[0, 0, 0] in colours
            assert other[0] in values
            rows, columns = (after[0] == other).nonzero().T
            height, width = (int(each.max() - each.min()) + 1 for each in (rows, columns))
            assert height == width
            assert height * width == len(rows)
    assert as_it_is + through + window == 600
    assert min(as_it_is, through, window) > 150


def test_a_window_has_the_share_of_the_area_that_is_asked_for():
    shares = torch.tensor([0.0, 0.25, 0.5, 1.0])
    inside = windows(shares, 100, torch.Generator().manual_seed(1))
    torch.testing.assert_close(inside.float().mean(dim=(1, 2, 3)), shares, rtol=0, atol=0.01)


def test_agreement_counts_first_labels_and_first_five():
    taught = torch.eye(8)[[0, 1, 2, 2]] * 9
    order = torch.arange(8.0).flip(0)
    logits = torch.stack([order, order, order.roll(7), order.flip(0)])
    found_there = agreement(logits, taught)
    assert (found_there.top1, found_there.top5) == (0.25, 0.75)


def test_mirrored_lessons_mirror_pictures_and_maps_where_asked_and_nowhere_else():
    pictures = torch.randint(0, 255, (2, 3, 4, 4), dtype=torch.uint8)
    maps = torch.rand(2, 5, 2, 2)
    lessons = Lessons(pictures, maps, torch.rand(2, 3)).mirrored(torch.tensor([True, False]))
    assert torch.equal(lessons.pictures[0], pictures[0].flip(-1))
    assert torch.equal(lessons.maps[0], maps[0].flip(-1))
    assert torch.equal(lessons.pictures[1], pictures[1])
    assert torch.equal(lessons.maps[1], maps[1])


@given(st.integers(20, 300), st.integers(20, 300), st.floats(0.05, 1), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_random_parts_lie_in_the_picture_and_are_not_smaller_than_asked(w, h, area, seed):
    picture = Image.new("RGB", (w, h))
    boxes = random_boxes(picture, 4, area, torch.Generator().manual_seed(seed))
    longest = max(w / h, h / w) * 4 / 3
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= w
        assert 0 <= top < bottom <= h
        share = (right - left) * (bottom - top) / (w * h)
        assert share >= area / longest - 1e-3
        if area * longest <= 1 and share < 0.5 / longest:
            assert (right - left) / (bottom - top) == pytest.approx(1, rel=0.35)


def test_the_central_part_is_the_square_in_the_middle():
    assert central_box(Image.new("RGB", (10, 4))) == (3, 0, 7, 4)
    assert central_box(Image.new("RGB", (10, 4)), 0.5) == (4, 1, 6, 3)


def test_a_part_cut_at_its_own_size_is_the_picture_itself():
    noise = torch.randint(0, 255, (9, 9, 3), dtype=torch.uint8)
    picture = Image.fromarray(noise.numpy())
    parts = cut(picture, [(1, 2, 6, 7)], 5)
    assert torch.equal(parts[0], noise.permute(2, 0, 1)[:, 2:7, 1:6])


def test_other_light_changes_colours_and_not_their_shape():
    pictures = torch.randint(0, 255, (64, 3, 8, 8), dtype=torch.uint8)
    lit = recoloured(pictures, torch.Generator().manual_seed(0))
    assert lit.shape == pictures.shape
    assert lit.dtype == torch.uint8
    ratio = lit.float().mean(dim=(1, 2, 3)) / pictures.float().mean(dim=(1, 2, 3))
    assert 0.5 < ratio.min() < 0.8
    assert 1.2 < ratio.max() < 1.5
    assert torch.equal(lit, recoloured(pictures, torch.Generator().manual_seed(0)))


def test_the_inputs_are_what_the_nets_own_transform_makes():
    for name in ("offline/efficientnet_lite0", "zfnet/zfnet_gap", "torchvision/resnet18"):
        loaded = random_net(name)
        picture = torch.randint(0, 255, (3, 256, 256), dtype=torch.uint8)
        expected = loaded.transform(Image.fromarray(picture.permute(1, 2, 0).numpy()))
        colours = loaded.inverse_transform(expected)
        torch.testing.assert_close(
            normalise_for(loaded)(colours[None])[0], expected, rtol=0, atol=1e-5
        )


def test_pictures_keep_their_colours_when_resized():
    grey = torch.full((2, 3, 224, 224), 51, dtype=torch.uint8)
    torch.testing.assert_close(resized(grey, 96), torch.full((2, 3, 96, 96), 0.2))


def test_the_inverse_root_rises_in_a_line_stays_and_falls_with_the_root_of_the_steps():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 2.0)
    schedule, rates = InverseRoot(optimizer, 1, 4), []
    for _ in range(160):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step_ended()
    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    assert set(rates[3:40]) == {2.0}
    assert rates[159] == pytest.approx(2.0 * (40 / 160) ** 0.5)


@pytest.mark.parametrize("stage", ["40", "40x128", "@128", "0@128", "-1@128", "4@0", ""])
def test_a_stage_that_does_not_tell_rounds_and_size_is_refused(stage):
    with pytest.raises(TrainingError, match="40@128"):
        sizes_of([stage])


def test_the_images_of_a_folder_are_learned_from_or_held_out_and_never_both(tmp_path):
    for number in range(60):
        place = tmp_path / f"class{number % 3}"
        place.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(place / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    kept, apart = found(tmp_path)
    assert len(kept) + len(apart) == len({*kept, *apart}) == 60
    (tmp_path / "class0" / "0.png").unlink()
    fewer_kept, fewer_apart = found(tmp_path)
    assert {*fewer_kept} <= {*kept}
    assert {*fewer_apart} <= {*apart}


def test_a_folder_without_images_to_hold_out_is_refused(tmp_path):
    with pytest.raises(DataError, match="0 images to learn from"):
        found(tmp_path)
    with pytest.raises(DataError, match="No such folder"):
        found(tmp_path / "none")


def test_a_damaged_image_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match=r"broken\.png is not an image"):
        opened(tmp_path / "broken.png")
