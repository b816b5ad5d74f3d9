// Baselines for our server: plain Express that responds with given bytes, and Express with multer that only responds 202. Plain
// JavaScript, so that it starts like any server.
import express from 'express';
import multer from 'multer';

const app = express();
let status = '{}';
app.put('/status', express.text({ type: '*/*' }), (request, response) => {
  status = request.body;
  response.end();
});
app.get('/status', (_request, response) => {
  response.type('json').send(status);
});
app.post('/submit', multer({ storage: multer.memoryStorage() }).single('imageFile'), (_request, response) => {
  response.status(202).json({ status: 'pending' });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(`baseline listens on 127.0.0.1:${server.address().port}\n`);
});
