// @modelcontextprotocol/client in every era that it speaks.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { check, story, token, url } from './story.mjs';

const eras = [
  ['legacy', 'legacy', '2025-11-25'],
  ['auto', 'auto', '2026-07-28'],
  ['pinned', { pin: '2026-07-28' }, '2026-07-28'],
];

for (const [label, mode, version] of eras) {
  const client = new Client({ name: 'ordinaut-test', version: '1.0.0' }, { versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  const spoken = client.getNegotiatedProtocolVersion();
  check(spoken === version, `${label}: ${spoken} instead of ${version}`);
  const { tools } = await client.listTools();
  await story(`client-${label}`, tools, (name, args) => client.callTool({ name, arguments: args }));
  const { resources } = await client.listResources();
  check(resources.length === 3, `${label}: ${resources.length} resources`);
  await client.close();
}
