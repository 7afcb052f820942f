// A certificate authority of the tests' own, and a certificate for this machine.
import selfsigned from 'selfsigned';

const validity = () => {
  const day = 24 * 60 * 60 * 1000;
  return { notBeforeDate: new Date(Date.now() - day), notAfterDate: new Date(Date.now() + day) };
};

/** Makes both: `authority` is PEM to trust, `key` and `cert` are what a server needs. */
export async function makeCertificates() {
  const authority = await selfsigned.generate([{ name: 'commonName', value: 'Signet test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...validity(),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...validity(),
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { authority: authority.cert, key: server.private, cert: server.cert };
}
