// nodemailer's pooled transport into a loopback sink, building each mail: the peer of bench/send.py.
// usage: NODE_PATH=<folder>/node_modules node send_node.js PORT MAILS CONNECTIONS TEMPLATE.json
const nodemailer = require('nodemailer'), fs = require('fs');
const [port, mails, connections] = process.argv.slice(2, 5).map(Number);
const template = JSON.parse(fs.readFileSync(process.argv[5]));
const pool = { pool: true, maxConnections: connections, maxMessages: Infinity, secure: false, ignoreTLS: true };
const transport = nodemailer.createTransport({ host: '127.0.0.1', port, ...pool });
const fill = (text, n) => text.replace(/\{\{ first_name \}\}/g, 'José').replace(/\{\{ \w+ \}\}/g, 'k' + n);
let next = 0, done = 0;
function one() {
  if (next >= mails) return;
  const n = next++, link = `<https://edge.test/u/${n}>`;
  transport.sendMail({
    from: 'Ann <box0@brand.test>', to: `lead${n}@people.test`, subject: fill(template.subject, n),
    text: fill(template.text, n), html: fill(template.html, n),
    headers: { 'List-Unsubscribe': link, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
  }, (error) => {
    if (error) { console.error(error); process.exit(1); }
    if (++done === mails) transport.close(); else one();
  });
}
for (let n = 0; n < connections * 4; n++) one();
