"""The embedded stack: Temporal, Postgres, worker and API on one machine; for `perdure dev` and the demo.

    async with EmbeddedStack(StackConfig(ephemeral=True)) as stack:
        print(stack.info.api_url)

`perdure.embedded.stack` starts one, `perdure.embedded.info.find_running` finds one that runs.
"""
