"""Rendered chat templates against jinja2's: real templates, our own and the Quick model's, with many conversations."""

import datetime
import json
import pathlib
import warnings

import gguf
import jinja2
import pytest

from conversations import CONVERSATIONS
from reference_template import environment

OWN = sorted(path.name for path in (pathlib.Path(__file__).parent / "templates").glob("*.jinja"))
SHARED = [
    "HuggingFaceTB-SmolLM3-3B", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "Qwen-Qwen2.5-7B-Instruct",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "google-gemma-2-2b-it", "meta-llama-Llama-3.2-3B-Instruct",
    "microsoft-Phi-3.5-mini-instruct", "mistralai-Mistral-Nemo-Instruct-2407",
]
BOS, EOS = "<s>", "</s>"
# Those that are rendered without a generation prompt too.
WITHOUT_PROMPT = {"one question", "system and turns", "ends with assistant", "no messages", "tools", "tool result",
                  "simple tool and turns"}


# Further variables that templates of the hub know.
VARIABLES = [
    {"enable_thinking": False}, {"enable_thinking": True, "xml_tools": []}, {"documents": [{"title": "T", "text": "Body é\n"}]},
    {"date_string": "1 Jan 2025", "tools_in_user_message": False}, {"thinking": True, "reasoning_effort": "high"},
]


def reference(source, messages, tools, generation_prompt, variables=None):
    """What jinja2 renders, or the error it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            template = environment(datetime.datetime.now()).from_string(source)
            given = {"messages": messages, "tools": tools, "documents": None, "bos_token": BOS, "eos_token": EOS,
                     "add_generation_prompt": generation_prompt, **(variables or {})}
            return template.render(**given), None
        except Exception as error:
            return None, error


def compare(swiftlet, folder, source, chosen):
    """Renders every conversation with both; `chosen` are the program's arguments that choose the template."""
    rendered = 0
    for name, (messages, tools) in CONVERSATIONS.items():
        (folder / "messages.json").write_text(json.dumps(messages))
        flags = ["--messages", folder / "messages.json", "--bos-token", BOS, "--eos-token", EOS]
        if tools is not None:
            (folder / "tools.json").write_text(json.dumps(tools))
            flags += ["--tools", folder / "tools.json"]
        for generation_prompt in (True, False) if name in WITHOUT_PROMPT else (True,):
            expected, error = reference(source, messages, tools, generation_prompt)
            found = swiftlet("template", *chosen, *flags, *([] if generation_prompt else ["--no-generation-prompt"]))
            if error is None:
                assert found.returncode == 0, (name, found.stderr.decode())
                assert found.stdout.decode() == expected, name
                rendered += 1
            else:
                assert found.returncode != 0, (name, error)
                if type(error) is jinja2.exceptions.TemplateError:
                    assert str(error) in found.stderr.decode().replace("\n", " "), name
    # Hermes renders only with tools.
    assert rendered >= 5


@pytest.mark.parametrize("name", SHARED)
def test_real_templates_render_as_in_jinja2(name, swiftlet, shared_file, tmp_path):
    path = shared_file(f"templates/{name}.jinja")
    compare(swiftlet, tmp_path, path.read_text(), ["--template", path])


@pytest.mark.parametrize("name", SHARED)
def test_further_variables_and_documents_reach_real_templates(name, swiftlet, shared_file, tmp_path):
    path = shared_file(f"templates/{name}.jinja")
    rendered = 0
    for conversation in ["turns", "system and turns", "tool result"]:
        messages, tools = CONVERSATIONS[conversation]
        (tmp_path / "messages.json").write_text(json.dumps(messages))
        (tmp_path / "tools.json").write_text(json.dumps(tools or []))
        for variables in VARIABLES:
            expected, error = reference(path.read_text(), messages, tools or [], True, variables)
            found = swiftlet("template", "--template", path, "--messages", tmp_path / "messages.json", "--bos-token", BOS,
                             "--eos-token", EOS, "--tools", tmp_path / "tools.json", "--variables", json.dumps(variables))
            assert (found.returncode == 0) == (error is None), (conversation, variables, found.stderr)
            if error is None:
                assert found.stdout.decode() == expected, (conversation, variables)
                rendered += 1
    assert rendered >= 5


@pytest.mark.parametrize("name", OWN)
def test_our_templates_render_as_in_jinja2(name, swiftlet, tmp_path):
    path = pathlib.Path(__file__).parent / "templates" / name
    compare(swiftlet, tmp_path, path.read_text(), ["--template", path])


def test_the_quick_model_s_template_renders_as_in_jinja2(swiftlet, real_model, tmp_path):
    path = real_model("smollm2")
    field = gguf.GGUFReader(path).fields["tokenizer.chat_template"]
    compare(swiftlet, tmp_path, bytes(field.parts[-1]).decode(), ["--model", path])


def test_an_endless_template_ends_with_an_error(swiftlet, tmp_path):
    (tmp_path / "messages.json").write_text("[]")
    for source in ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                   "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                   "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"):
        (tmp_path / "endless.jinja").write_text(source)
        found = swiftlet("template", "--template", tmp_path / "endless.jinja", "--messages", tmp_path / "messages.json",
                         timeout=60)
        assert found.returncode > 0 and b"line 1" in found.stderr, (source, found)
