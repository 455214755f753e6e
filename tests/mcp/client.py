"""The Python SDK in every era that it speaks: lists the tools, creates a task, runs it and reads the run."""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL = os.environ["URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


async def story(mode: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS, timeout=60) as http:
        transport = streamable_http_client(URL, http_client=http)
        async with Client(transport, mode=mode) as client:
            tools = (await client.list_tools()).tools
            assert len(tools) == 15, [tool.name for tool in tools]

            async def good(name: str, arguments: dict) -> dict:
                result = await client.call_tool(name, arguments)
                assert not result.is_error, (name, result.content)
                return result.structured_content

            label = f"python-{mode}"
            created = await good(
                "ordinaut_create_task",
                {
                    "title": f"Made by {label}",
                    "schedule": "FREQ=WEEKLY;BYDAY=TU;BYHOUR=8;BYMINUTE=30",
                    "timezone": "Europe/Chisinau",
                    "pipeline": [{"id": "greet", "uses": "events_demo.greet", "with": {"name": label}}],
                },
            )
            task = created["task"]["id"]
            started = await good("ordinaut_run_task", {"task_id": task, "wait_seconds": 20})
            read = await good("ordinaut_get_run", {"run_id": started["run"]["id"], "detail": "full"})
            assert read["run"]["status"] == "succeeded", read
            assert label in read["steps"][0]["result"]["greeting"], read
            found = await good("ordinaut_search_tasks", {"query": label})
            assert [one["id"] for one in found["tasks"]] == [task], found
            refused = await client.call_tool("ordinaut_get_task", {"task_id": label})
            assert refused.is_error and task in refused.content[0].text, refused
            content = await client.read_resource(f"ordinaut://runs/{started['run']['id']}/log")
            assert "greeting" in content.contents[0].text
            print(f"{label}: {read['run']['status']}")


async def main() -> None:
    for mode in ("auto", "legacy", "2026-07-28"):
        await story(mode)


asyncio.run(main())
