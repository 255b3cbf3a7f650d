"""Trains the autoencoder on crops of drawn pictures; resumes from a checkpoint or the committed weights.

python train_autoencoder.py --work WORK --minutes 35
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import l1_loss, mse_loss

from models import new_autoencoder
from pictures import mixed_pictures, to_tensor
from training import Average, Clock, Muon, append_row, fast_autocast, save_atomically

KL_WEIGHT = 3e-4
CROP = 64
TEST_SEED = 9_000_000


def main():
    args = parse_arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    pictures = stored_pictures(args.work / "ae_pictures.npy", args.pictures)
    test = to_tensor(mixed_pictures(64, TEST_SEED)).to(args.device)
    model = new_autoencoder().to(args.device, memory_format=torch.channels_last)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, map_location=args.device)["average"])
    train(model, pictures, test, args)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and caches")
    parser.add_argument("--minutes", type=float, help="end after so many minutes")
    parser.add_argument("--steps", type=int, help="end after so many steps")
    parser.add_argument("--batch", type=int, default=16, help="crops in a step (default 16)")
    parser.add_argument("--pictures", type=int, default=6000, help="pictures to train on (default 6000)")
    parser.add_argument("--lr", type=float, default=0.015, help="peak learning rate of matrices (default 0.015)")
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def stored_pictures(path: Path, count: int) -> np.ndarray:
    """Training pictures, drawn once."""
    if not path.exists():
        np.save(path, mixed_pictures(count, 0))
    return np.load(path, mmap_mode="r")


def train(model, pictures, test, args):
    optimizer = Muon(model, lr=args.lr, adam_lr=args.lr * 0.2)
    average, clock = Average(model, 0.998), Clock(args.minutes, args.steps)
    rng = np.random.default_rng(args.seed)
    forward = torch.compile(lambda batch: losses(model, batch))
    saved = time.monotonic()
    while (progress := clock.progress()) < 1:
        optimizer.set_share(clock.learning_share(progress, warmup_steps=50))
        crops = random_crops(pictures, args.batch, rng).to(args.device).contiguous(memory_format=torch.channels_last)
        loss = forward(crops)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update()
        clock.step += 1
        if time.monotonic() - saved > 120 or clock.progress() >= 1:
            report(model, average, test, clock, loss, args.work)
            saved = time.monotonic()


def losses(model, crops):
    """Reconstruction by absolute and squared error, with a little KL divergence."""
    with fast_autocast(crops.device.type):
        mean, logvar = model.quant_conv(model.encoder(crops)).float().chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        latents = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        output = model.decoder(model.post_quant_conv(latents)).float()
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return 0.5 * l1_loss(output, crops) + 5 * mse_loss(output, crops) + KL_WEIGHT * divergence


def random_crops(pictures, count, rng):
    """Square crops of random pictures, half of them mirrored."""
    crops = []
    for index in rng.integers(len(pictures), size=count):
        y, x = rng.integers(0, pictures.shape[1] - CROP + 1, 2)
        crop = pictures[index, y : y + CROP, x : x + CROP]
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return to_tensor(np.stack(crops))


def report(model, average, test, clock, loss, work):
    """Measures the averaged weights, writes a row of the curve and a checkpoint."""
    average.swap()
    row = {
        "minutes": round(clock.elapsed_minutes(), 1),
        "step": clock.step,
        "loss": round(loss.item(), 5),
        "psnr_db": round(psnr(model, test), 2),
    }
    save_atomically({"average": model.state_dict(), "row": row}, work / "autoencoder.pt")
    average.swap()
    append_row(work / "autoencoder.csv", row)
    print(row, flush=True)


@torch.no_grad()
def psnr(model, pictures) -> float:
    """Mean PSNR in dB of pictures encoded to the mean and decoded, in float32."""
    output = torch.cat([model.decode(model.encode(part).latent_dist.mean).sample for part in pictures.split(16)])
    error = (output.clamp(-1, 1) - pictures).div(2).square().mean((1, 2, 3))
    return (-10 * error.log10()).mean().item()


if __name__ == "__main__":
    main()
