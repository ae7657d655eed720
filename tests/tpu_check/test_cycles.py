"""Estimates of cycles in the text of compiled programs, of the forms that the compiler writes."""

import math

from memkit.tpu_check import cycles

PROGRAM = """
HloModule jit_f

%inside (p: f32[8]) -> f32[8] {
  ROOT %x = f32[8]{0:T(256)} add(%p, %p), backend_config={"estimated_cycles":"900"}
}

%step (arg: (s32[], f32[8])) -> (s32[], f32[8]) {
  %a = f32[8]{0:T(256)} fusion(%p), calls=%inside, backend_config={"estimated_cycles":"5"}
  %g = f32[8]{0:T(256)S(1)} gather(%p, %i), backend_config={"flag_configs":[]}
}

%to_34 (arg: (s32[], f32[8])) -> pred[] {
  %constant.1 = s32[]{:T(128)} constant(34)
  %i = s32[]{:T(128)} get-tuple-element(%arg), index=0
  ROOT %lt = pred[]{:T(512)} compare(%i, %constant.1), direction=LT
}

%run (arg: (s32[], f32[8])) -> (s32[], f32[8]) {
  %w = (s32[], /*index=1*/f32[8]{0}) while(%t), condition=%to_34, body=%step
  %c = f32[8]{0} copy(%p), backend_config={"estimated_cycles":"10"}
}

%to_8 (arg: (s32[], f32[8])) -> pred[] {
  %i = s32[]{:T(128)} get-tuple-element(%arg), index=0
  ROOT %lt = pred[]{:T(512)} compare(%i, %limit), direction=LT
}

ENTRY %main.5 (p: f32[8]) -> f32[8] {
  %w = (s32[], f32[8]{0}) while(%t), condition=%to_8, body=%run, KNOWN
  ROOT %f = f32[8]{0} fusion(%w), kind=kLoop, calls=%inside, backend_config={"estimated_cycles":"7"}
}
"""
KNOWN = 'backend_config={"known_trip_count":{"n":"8"}}'


def test_bodies_of_loops_in_loops_count_as_often_as_they_are_executed():
    assert cycles.of_call(PROGRAM.replace("KNOWN", KNOWN)) == 8 * (34 * 5 + 10) + 7


def test_a_loop_of_unknown_length_has_no_estimate():
    assert math.isnan(cycles.of_call(PROGRAM.replace("KNOWN", "")))


def test_a_loop_of_unknown_length_without_estimates_costs_nothing():
    text = PROGRAM.replace("KNOWN", "")
    for number in (900, 5, 10):
        text = text.replace(f'"estimated_cycles":"{number}"', "")
    assert cycles.of_call(text) == 7


def test_a_program_of_another_compiler_has_no_estimate():
    assert math.isnan(cycles.of_call("HloModule f\n\nENTRY %main (p: f32[]) -> f32[] {\n}\n"))


def test_the_most_expensive_branch_counts_and_calls_count_as_what_they_call():
    text = """
%a (p: f32[]) -> f32[] {
  %x = f32[] add(%p, %p), backend_config={"estimated_cycles":"3"}
}
%b (p: f32[]) -> f32[] {
  %x = f32[] add(%p, %p), backend_config={"estimated_cycles":"4"}
}
ENTRY %main (p: f32[]) -> f32[] {
  %one = f32[] call(%p), to_apply=%a
  %either = f32[] conditional(%i, %p, %p), branch_computations={%a, %b}
  %other = f32[] conditional(%q, %p, %p), true_computation=%b, false_computation=%a
  ROOT %started = f32[] async-start(%p), calls=%a
}
"""
    assert cycles.of_call(text) == 3 + 4 + 4 + 3
