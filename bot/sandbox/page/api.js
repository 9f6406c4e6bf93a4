// The calls below /sandbox/, as docs/sandbox.md has them. Everything is relative to the page.

async function answer(res) {
  let body = {};
  try { body = await res.json(); } catch { /* an error without a body */ }
  if (!res.ok) throw Object.assign(new Error(body.error || `the sandbox answered ${res.status}`), { status: res.status });
  return body;
}

const query = (params) => new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== 0)).toString();

export async function get(call, params = {}, signal) {
  return answer(await fetch(`sandbox/${call}?${query(params)}`, { signal, cache: 'no-store' }));
}

export async function post(call, body = {}) {
  return answer(await fetch(`sandbox/${call}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }));
}

export async function upload(params, file) {
  return answer(await fetch(`sandbox/upload?${query(params)}`, { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: file }));
}

export const fileURL = (id) => `sandbox/file/${encodeURIComponent(id)}`;
