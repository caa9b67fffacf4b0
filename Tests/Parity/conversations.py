"""Conversations that chat templates are rendered with: name -> (messages, tools or None)."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "City, \"quoted\" & <marked>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit", "default": "celsius"},
                "days": {"type": ["integer", "null"], "description": "Days ahead"},
            },
            "required": ["place"],
        },
    },
}
NESTED = {
    "type": "function",
    "function": {
        "name": "plan",
        "description": "Plänt eine Reise 🧳",
        "parameters": {
            "type": "object",
            "properties": {
                "stops": {
                    "type": "array",
                    "description": "Stops in order,\nat most twenty of them, each with a name and a position",
                    "items": {
                        "type": "object",
                        "description": "One",
                        "properties": {
                            "name": {"type": "string", "description": "Name"},
                            "at": {"type": "array", "description": "Position", "items": {"type": "number"}},
                        },
                        "required": ["name"],
                    },
                },
                "budget": {"type": "number", "description": "Euro", "default": 1e-7},
                "extra": {"type": "object", "description": "Anything", "additionalProperties": {"type": "string"}},
            },
        },
        "return": {"type": "boolean", "description": "Whether it worked"},
    },
}

SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": " Words "},
                           "exact": {"type": "boolean", "description": "As it is"}},
        },
        "return": {"type": "object", "description": "Findings"},
    },
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, id="abcdefghi"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(text, id="abcdefghi", name="get_weather"):
    return {"role": "tool", "content": text, "tool_call_id": id, "name": name}


ARGUMENTS = {"place": "Zürich \"HB\"", "days": 3, "ratio": 0.5, "deep": {"list": [1, None, True, "x\n"], "empty": {}}}

CONVERSATIONS = {
    "one question": ([user("Hi")], None),
    "system": ([system("Be kind."), user("Hi")], None),
    "blank system": ([system("  \n"), user("  padded  \n")], None),
    "no think": ([system("Answer. /no_think  "), user("Hi"), assistant("\n\nHello")], None),
    "turns": ([user("One"), assistant("1"), user("Two"), assistant("2"), user("Three")], None),
    "system and turns": ([system("S"), user("One"), assistant("1"), user("Two")], None),
    "ends with assistant": ([user("One"), assistant("1")], None),
    "unicode": ([system("Ünïcödé 漢字"), user("naïve café 日本語 😀 \u200d\u00a0"), assistant("مرحبا"), user("Ω≈ç√\r\n\ttab")],
                None),
    "markup": ([user("{{ not a template }} {% if %} <|im_end|> </s> 'q' \"d\" \\n")], None),
    "empty content": ([user(""), assistant(""), user("x")], None),
    "thinking": ([user("Q"), assistant("<think>\nhm\n</think>\n\nA"), user("Q2"), assistant("<think>b</think>B")], None),
    "separate reasoning": ([user("Q"), assistant("A", reasoning_content="because\n")], None),
    "no messages": ([], None),
    "system only": ([system("alone")], None),
    "wrong order": ([user("a"), user("b"), assistant("c"), assistant("d")], None),
    "parts": ([user([{"type": "text", "text": "look"}, {"type": "image"}, "raw"])], None),
    "null content": ([user("a"), assistant(None), user("b")], None),
    "unknown role": ([user("a"), {"role": "critic", "content": "b"}], None),
    "missing content": ([{"role": "user"}], None),
    "tools": ([user("Weather?")], [WEATHER]),
    "tools and system": ([system("Use tools."), user("Weather?"), assistant("Where?"), user("Bern")], [WEATHER, NESTED]),
    "nested tools": ([user("Go")], [NESTED]),
    "no tools": ([user("Go")], []),
    "tool call": ([user("Weather?"), assistant(None, tool_calls=[call("get_weather", ARGUMENTS)])], [WEATHER]),
    "tool result": ([user("Weather?"), assistant(None, tool_calls=[call("get_weather", ARGUMENTS)]), tool("21 °C"),
                     assistant("It is 21 °C."), user("Thanks")], [WEATHER]),
    "tool call with text": ([user("W"), assistant("Let me look.", tool_calls=[call("get_weather", {})]), tool("{}"),
                             assistant("Done")], [WEATHER]),
    "two tool calls": ([user("W"), assistant("", tool_calls=[call("get_weather", {"place": "A"}),
                                                               call("plan", {"stops": []}, "123456789")]),
                        tool("1"), tool("2", "123456789", "plan"), assistant("both"), user("ok")], [WEATHER, NESTED]),
    "arguments as text": ([user("W"), assistant(None, tool_calls=[call("get_weather", "{\"place\": \"B\"}")]), tool("x")],
                          [WEATHER]),
    "simple tool": ([user("Find it")], [SEARCH]),
    "simple tool and turns": ([system("S"), user("Find"), assistant(None, tool_calls=[call("search", {"query": "é"})]),
                               tool("[1]"), tool("[2]"), assistant("Found"), user("Thanks")], [SEARCH]),
    "structured result": ([user("W"), assistant(None, tool_calls=[call("get_weather", ARGUMENTS)]),
                           {"role": "tool", "content": {"temperature": 21.0, "sky": ["clear"]},
                            "tool_call_id": "abcdefghi"}], [WEATHER]),
    "short call id": ([user("W"), assistant(None, tool_calls=[call("get_weather", {}, "1")])], [WEATHER]),
    "calls without tools": ([user("W"), assistant(None, tool_calls=[call("get_weather", ARGUMENTS)]), tool("x")], None),
}
