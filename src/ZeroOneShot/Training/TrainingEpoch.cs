namespace ZeroOneShot.Training;

/// <summary>One epoch of training.</summary>
/// <param name="Loss">Mean cross entropy of the training batches, without the auxiliary head's.</param>
/// <param name="Accuracy">Share of training images classified rightly, 0 to 1.</param>
/// <param name="ValidationLoss">Mean cross entropy of the validation images; null without a validation set.</param>
/// <param name="ValidationAccuracy">Share of validation images classified rightly; null without a validation set.</param>
public sealed record TrainingEpoch(double Loss, double Accuracy, double? ValidationLoss, double? ValidationAccuracy);
