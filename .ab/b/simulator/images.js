import sharp, {} from 'sharp';
/** Decodes like ComfyUI's loaders, to RGB: transparency is dropped, EXIF rotation is applied only on demand. */
export async function decodeRgb(bytes, applyExif) {
    const image = sharp(bytes, { limitInputPixels: false });
    const upright = applyExif ? image.autoOrient() : image;
    return toRaster(upright.removeAlpha());
}
export async function encodePng(image) {
    return open(image).png({ compressionLevel: 4 }).toBuffer();
}
export async function resize(image, width, height) {
    return toRaster(open(image).resize(width, height, { fit: 'fill', kernel: 'lanczos3' }));
}
function open({ data, width, height, channels }) {
    return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
}
async function toRaster(image) {
    const { data, info } = await image
        .toColourspace('srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels === 4 ? 4 : 3 };
}
/** The mask is found on a copy of about this many pixels a side, which is fast and gives soft edges for free. */
const MASK_SIDE = 384;
/** Largest difference to the border's colour, summed over the channels, that still is background. */
const BACKGROUND_TOLERANCE = 60;
/**
 * A stand-in for a matting model: what is connected to the border and looks like it is background. Good enough
 * for a subject on a plain ground.
 * @returns the image with an alpha channel
 */
export async function cutOut(image) {
    const factor = Math.min(1, MASK_SIDE / Math.max(image.width, image.height));
    const width = Math.max(1, Math.round(image.width * factor));
    const height = Math.max(1, Math.round(image.height * factor));
    const small = await resize(image, width, height);
    const mask = growBackground(small);
    const alpha = await sharp(mask, { raw: { width, height, channels: 1 } })
        .blur(0.8)
        .resize(image.width, image.height, { fit: 'fill', kernel: 'cubic' })
        .toColourspace('b-w')
        .raw()
        .toBuffer();
    const rgb = image.channels === 4 ? await toRaster(open(image).removeAlpha()) : image;
    const joined = open(rgb).joinChannel(alpha, {
        raw: { width: image.width, height: image.height, channels: 1 },
    });
    return toRaster(joined);
}
/** Flood fill from every border pixel; 0 for background, 255 for the subject. */
function growBackground({ data, width, height, channels }) {
    const border = borderColour(data, width, height, channels);
    const mask = Buffer.alloc(width * height, 255);
    const stack = [];
    const visit = (pixel) => {
        if (mask[pixel] === 0)
            return;
        const at = pixel * channels;
        const difference = border.reduce((sum, value, c) => sum + Math.abs((data[at + c] ?? 0) - value), 0);
        if (difference > BACKGROUND_TOLERANCE)
            return;
        mask[pixel] = 0;
        stack.push(pixel);
    };
    for (const pixel of borderPixels(width, height))
        visit(pixel);
    for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
        const x = pixel % width;
        if (x > 0)
            visit(pixel - 1);
        if (x < width - 1)
            visit(pixel + 1);
        if (pixel >= width)
            visit(pixel - width);
        if (pixel < width * (height - 1))
            visit(pixel + width);
    }
    return mask;
}
function* borderPixels(width, height) {
    for (let x = 0; x < width; x += 1) {
        yield x;
        yield (height - 1) * width + x;
    }
    for (let y = 1; y < height - 1; y += 1) {
        yield y * width;
        yield y * width + width - 1;
    }
}
/** The median of the border, a channel at a time: a subject that touches the border does not move it. */
function borderColour(data, width, height, channels) {
    const pixels = [...borderPixels(width, height)];
    return [0, 1, 2].map((channel) => {
        const values = pixels.map((pixel) => data[pixel * channels + channel] ?? 0).sort((a, b) => a - b);
        return values[Math.floor(values.length / 2)] ?? 0;
    });
}
//# sourceMappingURL=images.js.map