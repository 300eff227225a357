// An identity server as a county has one: the certified npm package `oidc-provider` with a sign-in of one line.
// Told by the environment where Yitu is; tells where it is itself in a line of its output. Ends with its input.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { YITU_URL, PORT = '0', NAME = '127.0.0.1' } = process.env;

/** People by the name they sign in with; whoever has a second factor proved it. */
const PEOPLE = {
  zhou: { sub: 'p-1001', preferred_username: 'duty_officer' },
  // What it calls her is not what the county's map does: capitals.
  wu: { sub: 'p-1002', preferred_username: 'County_Leader' },
  zheng: { sub: 'p-1003', preferred_username: 'security_admin', amr: ['pwd', 'otp', 'mfa'] },
  feng: { sub: 'p-1004', preferred_username: 'nobody-here' },
  chen: { sub: 'p-1005', preferred_username: 'auditor' },
};

const server = createServer();
await new Promise((done) => server.listen(Number(PORT), '127.0.0.1', done));
const issuer = `http://${NAME}:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'yitu',
    client_secret: 'a-secret-of-the-test',
    redirect_uris: [`${YITU_URL}/api/session/oidc/callback`],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  // All that is known of somebody stands in the id token.
  conformIdTokenClaims: false,
  claims: { openid: ['sub', 'amr'], profile: ['preferred_username'] },
  cookies: { keys: ['only for the tests'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => Object.values(PEOPLE).find(({ sub }) => sub === id) }),
  interactions: { url: (_, { uid }) => `/login/${uid}` },
  // Whoever signs in lets Yitu know who they are: nobody is asked once more.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
});

const form = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>县统一身份认证(测试)</title>
<form method="post"><input name="login" aria-label="账号" autofocus><button>登录</button></form>`;

async function login(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') return response.setHeader('content-type', 'text/html').end(form);
  let body = '';
  for await (const chunk of request) body += chunk;
  const person = PEOPLE[new URLSearchParams(body).get('login')];
  const result = person
    ? { login: { accountId: person.sub, amr: person.amr } }
    : { error: 'access_denied', error_description: `nobody at ${uid}` };
  return provider.interactionFinished(request, response, result);
}

server.on('request', (request, response) => {
  if (!request.url.startsWith('/login/')) return provider.callback()(request, response);
  login(request, response).catch((error) => response.writeHead(500).end(String(error)));
});
process.stdin.on('end', () => process.exit()).resume();
console.log(issuer);
