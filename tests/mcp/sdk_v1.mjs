// @modelcontextprotocol/sdk, the line before, which most hosts are built with.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { story, token, url } from './story.mjs';

const client = new Client({ name: 'ordinaut-test', version: '1.0.0' });
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const { tools } = await client.listTools();
await story('sdk-v1', tools, (name, args) => client.callTool({ name, arguments: args }));
await client.close();
