"""The card's kernels one by one, on Deno's graphics card: what they give is what NumPy says of the numbers that they were given."""

import pytest

from kernel_cases import ARITHMETICS, SCRIPT, Q, check_products, check_unpacking, floats

# The software driver takes seconds to compile halves, which its processor does not have.
FEW = [Q.Q4_0, Q.Q4_1, Q.Q8_0, Q.Q2_K, Q.Q6_K]


@pytest.fixture
def run_kernels(deno, site):
    """A function that runs kernels and gives for each run the floats that it leaves."""
    def run(kernels, runs):
        return [floats(line) for line in deno(SCRIPT, site.url, location=site.url, stdin={"kernels": kernels, "runs": runs})]
    return run


def test_every_format_is_unpacked_to_the_same_numbers(run_kernels):
    check_unpacking(run_kernels)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_prefill_multiplies_every_format(run_kernels, arithmetic):
    check_products(run_kernels, arithmetic, *([FEW] if arithmetic == "halves" else []))
