"""Trains the UNet and the text encoder together on encoded pairs; resumes from its checkpoint.

python train_editor.py --work WORK --minutes 80
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import nn

from drawing import render
from edits import SINGLES, TASKS
from guiding import guiding_error, predict_guided
from models import SCHEDULE, latent_scale, new_autoencoder, new_text_encoder, new_unet, save_pipeline
from pairs import load_pairs
from pictures import to_tensor
from sampling import edit
from scenes import sample_scene
from tokenizer import new_tokenizer, stored_tokenizer
from training import Average, Clock, Muon, append_row, fast_autocast, save_atomically

DROPPED = 0.05  # share of samples without instruction, without image, without both: each
UNCHANGED = 0.15  # share of samples with an empty instruction and the input as its own result
GUIDING_WEIGHT = 1.0  # of the error of guidance, over that of a prediction
OTHER_LOCAL_SHARE = 1.25  # how much more often than one of the many house colours another local edit teaches guidance
LARGEST_WEIGHT = 5.0  # of the squared error of the predicted picture, over that at the same noise
TEST_SEED = 9_500_000
SAVE_SECONDS = 180


@dataclass
class Batch:
    """What one step learns from; the sources are not scaled, the targets are."""

    source: torch.Tensor
    target: torch.Tensor
    tokens: torch.Tensor

    def to(self, device: str) -> "Batch":
        return Batch(*(part.to(device) for part in (self.source, self.target, self.tokens)))


def recolours_house(task) -> bool:
    return any("wall" in edit.changes for edit in task.edits)


def places(change):
    """How much each place counts, 1 on average: changed ones up to three times as much as others."""
    weights = 1 + 2 * change / (change + 0.1)
    return weights / weights.mean((2, 3), keepdim=True)


def main():
    args = parse_arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    trainer = Trainer(args)
    if args.resume:
        trainer.resume(args.resume)
    trainer.run()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder with autoencoder.pt and latents.pt, and for the results"
    )
    parser.add_argument("--minutes", type=float, help="end after so many minutes")
    parser.add_argument("--steps", type=int, help="end after so many steps")
    parser.add_argument("--batch", type=int, default=32, help="pairs in a step (default 32)")
    parser.add_argument("--guided", type=int, default=8, help="pairs in a step that teach guidance (default 8)")
    parser.add_argument("--lr", type=float, default=0.02, help="peak learning rate of matrices (default 0.02)")
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from, with a fresh learning-rate schedule")
    parser.add_argument("--test-minutes", type=float, default=8, help="minutes between measurements (default 8)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument(
        "--threads", type=int, default=2, help="CPU threads; 1 is faster where other programs run beside it (default 2)"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Trainer:
    """Owns the networks, the data and the files of one training."""

    def __init__(self, args):
        self.args = args
        self.pairs = load_pairs(args.work)
        self.scale = latent_scale(self.pairs.targets[:200])
        # Ties between merges are broken differently by other builds of the trainer: a text encoder keeps its own.
        self.tokenizer = stored_tokenizer(args.work / "pipeline") if args.resume else new_tokenizer()
        self.phrasings = [self.tokenize(task.phrasings(held_out=False)) for task in TASKS]
        self.empty = self.tokenize([""])
        self.is_local = np.array([task.local for task in TASKS])[self.pairs.tasks]
        self.local = np.argwhere(self.is_local)
        shares = np.array([1.0 if recolours_house(task) else OTHER_LOCAL_SHARE for task in TASKS])
        shares = shares[self.pairs.tasks[tuple(self.local.T)]]
        self.local_shares = shares / shares.sum()
        self.autoencoder = new_autoencoder()
        self.autoencoder.load_state_dict(torch.load(args.work / "autoencoder.pt", map_location="cpu")["average"])
        self.autoencoder.register_to_config(scaling_factor=self.scale)
        self.autoencoder.to(args.device).eval()
        self.nets = nn.ModuleDict({"unet": new_unet(), "text": new_text_encoder(self.tokenizer)})
        self.nets.to(args.device, memory_format=torch.channels_last)
        self.optimizer = Muon(self.nets, lr=args.lr, adam_lr=args.lr * 0.1)
        self.average = Average(self.nets, 0.999)
        self.clock = Clock(args.minutes, args.steps)
        self.noise_schedule = DDIMScheduler(**SCHEDULE, clip_sample=False)
        self.alphas = self.noise_schedule.alphas_cumprod.to(args.device)
        self.test = Test(self)

    def tokenize(self, texts):
        return self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids

    def resume(self, path: Path):
        state = torch.load(path, map_location=self.args.device)
        self.nets.load_state_dict(state["average"])
        self.average = Average(self.nets, self.average.decay)

    def run(self):
        """Learns until the clock ends; writes a checkpoint every few minutes."""
        rng = np.random.default_rng(self.args.seed)
        saved, tested, recent = time.monotonic(), time.monotonic(), []
        while (progress := self.clock.progress()) < 1:
            self.optimizer.set_share(self.clock.learning_share(progress, warmup_steps=50))
            recent.append(self.learn(rng))
            now = time.monotonic()
            if now - saved > SAVE_SECONDS:
                test_now = now - tested > 60 * self.args.test_minutes
                self.save(recent, test_now)
                saved, recent = time.monotonic(), []
                tested = saved if test_now else tested
        self.save(recent, test_now=True)

    def draw(self, rng) -> Batch:
        """Random pairs with random phrasings; some without image (zeros) or instruction (empty).

        Some empty instructions ask for nothing, so that guidance by the image pulls towards the input.
        """
        count = self.args.batch
        scenes = rng.integers(len(self.pairs.sources), size=count)
        batch = self.batch(scenes, rng.integers(self.pairs.tasks.shape[1], size=count), rng)
        chance = torch.from_numpy(rng.random(count))
        batch.source[(chance >= DROPPED) & (chance < 3 * DROPPED)] = 0
        batch.tokens[(chance < DROPPED) | ((chance >= 2 * DROPPED) & (chance < 3 * DROPPED))] = self.empty[0]
        unchanged = chance >= 1 - UNCHANGED
        batch.target[unchanged] = batch.source[unchanged] * self.scale
        batch.tokens[unchanged] = self.empty[0]
        return batch.to(self.args.device)

    def batch(self, scenes, edits, rng) -> Batch:
        """Pairs by their places in the data, with random phrasings."""
        scenes, edits = torch.from_numpy(scenes), torch.from_numpy(edits)
        tokens = [self.phrasings[task] for task in self.pairs.tasks[scenes, edits]]
        return Batch(
            source=self.pairs.sources[scenes].float(),
            target=self.pairs.targets[scenes, edits].float() * self.scale,
            tokens=torch.stack([rows[rng.integers(len(rows))] for rows in tokens]),
        )

    def learn(self, rng) -> tuple[float, float]:
        """One step; the loss of the edits and the error of guidance before it."""
        loss = self.loss(self.draw(rng), rng)
        guiding_loss, guiding = self.guiding(rng)
        self.optimizer.zero_grad()
        (loss + guiding_loss).backward()
        torch.nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        self.optimizer.step()
        self.average.update()
        self.clock.step += 1
        return loss.item(), guiding.item()

    def loss(self, batch: Batch, rng):
        """Squared error of the velocity, at more high noise than low.

        Of the predicted picture it is SNR + 1 times the squared error, cut to LARGEST_WEIGHT, since small
        noise teaches no edit. Places that the edit changes count more, so that small edits are learned.
        """
        times = (1 - rng.random(len(batch.source)) ** 1.5) * 1000
        times = torch.from_numpy(times.astype(np.int64).clip(0, 999)).to(batch.target.device)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        signal, sigma = alpha.sqrt(), (1 - alpha).sqrt()
        noise = torch.randn_like(batch.target)
        noisy = signal * batch.target + sigma * noise
        velocity = signal * noise - sigma * batch.target
        with fast_autocast(batch.target.device.type):
            text = self.nets["text"](batch.tokens)[0]
            inputs = torch.cat([noisy, batch.source], 1).contiguous(memory_format=torch.channels_last)
            output = self.nets["unet"](inputs, times, text, return_dict=False)[0].float()
        weight = (LARGEST_WEIGHT * (1 - alpha)).clamp(max=1.0)
        return (weight * places(self.change(batch)) * (output - velocity).square()).mean()

    def guiding(self, rng):
        """The loss of edits predicted for guidance, and the error of what guidance makes of them.

        Half of the edits are local. The others teach to edit at the same noise: with local ones alone the model
        learns to bring the input back late in sampling, whatever it was asked. The prediction with neither image nor
        instruction is not held to the true edit: were it and the edited one, the scales could change little.
        """
        scenes = rng.integers(len(self.pairs.sources), size=self.args.guided)
        chosen = np.stack([scenes, rng.integers(self.pairs.tasks.shape[1], size=self.args.guided)], 1)
        chosen[: len(chosen) // 2] = rng.choice(self.local, len(chosen) // 2, p=self.local_shares)
        batch = self.batch(*chosen.T, rng).to(self.args.device)
        with fast_autocast(batch.target.device.type):
            empty = self.empty.to(batch.tokens.device)
            result = predict_guided(self.nets, self.alphas, batch, self.scale, empty, rng)
        change = self.change(batch)
        is_local = torch.from_numpy(self.is_local[tuple(chosen.T)]).to(change.device)
        error = guiding_error(result, change, is_local)
        squares = places(change) * (result.edited - result.true).square()
        share = self.args.guided / self.args.batch
        return share * ((result.weight * squares).mean() + GUIDING_WEIGHT * error), error

    def change(self, batch: Batch):
        """The mean squared change of each place's latents by the edit."""
        return (batch.target - batch.source * self.scale).square().mean(1, keepdim=True)

    def save(self, recent: list, test_now: bool):
        """Writes the averaged weights as a checkpoint and a pipeline folder, and a row of the curve."""
        self.average.swap()
        work, scores = self.args.work, self.test.measure() if test_now else {}
        loss, guiding = np.mean(recent or [(0.0, 0.0)], axis=0).tolist()
        row = {"minutes": round(self.clock.elapsed_minutes(), 1), "step": self.clock.step}
        row |= {"loss": round(loss, 5), "guiding": round(guiding, 5)}
        row |= {name: round(scores[name], 2) if name in scores else "" for name in self.test.columns}
        save_atomically({"average": self.nets.state_dict(), "row": row}, work / "editor.pt")
        save_pipeline(work / "pipeline", self.autoencoder, self.nets["unet"], self.nets["text"], self.tokenizer)
        self.average.swap()
        append_row(work / "editor.csv", row)
        print(row, flush=True)


class Test:
    """A few scenes never trained on, edited by every single edit, at the guidance of the quality bars."""

    columns = [edit.name for edit in SINGLES[:15]] + ["gain_db"]

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        tasks = TASKS[:15]
        scenes = [sample_scene(TEST_SEED + index) for index in range(len(tasks))]
        self.before = to_tensor(np.stack([render(scene) for scene in scenes])).to(trainer.args.device)
        self.after = to_tensor(
            np.stack([render(scene, task.style) for scene, task in zip(scenes, tasks, strict=True)])
        ).to(trainer.args.device)
        self.tokens = trainer.tokenize([task.phrasings(held_out=True)[0] for task in tasks]).to(trainer.args.device)
        with torch.no_grad():
            self.source = trainer.autoencoder.encode(self.before).latent_dist.mean

    @torch.no_grad()
    def measure(self) -> dict:
        """PSNR in dB over the true edit by edit, above that of the unedited input."""
        trainer, count = self.trainer, len(self.source)
        text, empty = (
            trainer.nets["text"](tokens)[0] for tokens in (self.tokens, trainer.empty.to(self.tokens.device))
        )
        latents = edit(
            trainer.nets["unet"],
            trainer.noise_schedule,
            self.source,
            text,
            empty,
            [5.0] * count,
            [1.5] * count,
            range(count),
            20,
        )
        pictures = trainer.autoencoder.decode(latents / trainer.scale).sample.clamp(-1, 1)
        error, start = ((other - self.after).square().mean((1, 2, 3)) for other in (pictures, self.before))
        gains = (10 * (start / error).log10()).tolist()
        save_atomically({"pictures": pictures.half()}, trainer.args.work / "preview.pt")
        return dict(zip(self.columns, gains, strict=False)) | {"gain_db": float(np.mean(gains))}


if __name__ == "__main__":
    main()
